use super::{
    super::{difference::difference, read, tables, write},
    *,
};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date")
}

fn example() -> Directory {
    read(include_bytes!("../../../../playbooks/directory.example.yaml")).0.expect("the example has no errors")
}

/// A sheet from lines of cells that `|` parts.
fn sheet(name: &str, lines: &str) -> Sheet {
    Sheet::of(name, lines.lines().map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()))
}

fn put(sheets: &[Sheet], remove_missing: bool) -> Imported {
    import(Some(&example()), sheets, remove_missing, today())
}

/// What is told as errors and warnings: row, heading, first words.
fn told(imported: &Imported) -> Vec<(u32, &str, &str)> {
    let told = imported.problems.iter().filter(|problem| problem.severity != Severity::Info);
    told.map(|problem| (problem.at.line, problem.path.as_str(), problem.detail.ja.as_str())).collect()
}

/// What changes, as references with their sign.
fn changes(imported: &Imported) -> Vec<String> {
    let changes = difference(Some(&example()), &imported.directory);
    changes.iter().map(|change| format!("{:?} {}", change.fate, change.reference())).collect()
}

#[test]
fn a_list_as_a_hospital_keeps_it_adds_and_changes() {
    let list = sheet(
        "",
        "令和8年度 災害時連絡先一覧 | | | | | | | | 令和8年11月2日現在
         | | | | | | | |
         No. | 区分 | 医療機関名 | ﾌﾘｶﾞﾅ | 担当部署 | 担当者 | メールアドレス | 代表電話 | 最終確認日
         1 | DMAT指定医療機関 | 北見野中央病院ＤＭＡＴ | ｷﾀﾐﾉﾁｭｳｵｳﾋﾞｮｳｲﾝ | 救急部 | 山本 | ｄｍａｔ＠ｋｉｔａｍｉｎｏ－ｈｏｓｐ．ｅｘａｍｐｌｅ | ０００－００００－２１０１ | R8.11.1
         | | | | | | | |
         2 | 診療所 | ｵﾎｰﾂｸｸﾘﾆｯｸ | オホーツククリニック | | 院長 | info@okhotsk.example | 0000(00)9001 | 2026/10/5
         ※ 変更があれば総務課まで | | | | | | | |",
    );
    let imported = put(&[list], false);
    // The example has groups already, and 診療所 is none of them.
    assert_eq!(told(&imported), [(6, "区分", "グループ「診療所」は台帳にありません。新しく作ります。")]);
    assert_eq!(
        changes(&imported),
        ["Changed agency:hosp_kitamino", "Added agency:オホーツククリニック", "Added agency:診療所"]
    );
    let hospital = &imported.directory.agencies["hosp_kitamino"];
    assert_eq!(hospital.title.ja, "北見野中央病院ＤＭＡＴ", "the name is taken as typed");
    assert_eq!(hospital.kana.as_deref(), Some("キタミノチュウオウビョウイン"));
    assert_eq!(hospital.primary.name, Some(Text::plain("救急部 山本")));
    assert_eq!(hospital.primary.reach["email"], "dmat@kitamino-hosp.example");
    assert_eq!(hospital.primary.reach["sms"], "000-0000-2001", "what the sheet does not name stays");
    assert_eq!(hospital.alternate.reach["phone"], "000-0000-2101");
    assert_eq!(hospital.verified_on, NaiveDate::from_ymd_opt(2026, 11, 1));
    let clinic = &imported.directory.agencies["オホーツククリニック"];
    assert!(clinic.outside);
    assert_eq!(clinic.alternate.reach["phone"], "0000-00-9001");
    assert_eq!(imported.directory.expand("診療所"), ["オホーツククリニック"]);
}

#[test]
fn headings_in_two_rows_tell_primary_from_alternate() {
    let list = sheet(
        "",
        "機関 | 主たる連絡先 | | 副連絡先 |
         名称 | メール | 電話 | メール | 電話
         新病院 | a@new.example | 000-0000-1111 | b@new.example | 000-0000-2222",
    );
    let imported = put(&[list], false);
    assert_eq!(told(&imported), []);
    let agency = &imported.directory.agencies["新病院"];
    assert_eq!(agency.primary.reach["email"], "a@new.example");
    assert_eq!(agency.alternate.reach["email"], "b@new.example");
    assert_eq!(agency.alternate.reach["phone"], "000-0000-2222");
}

#[test]
fn every_bad_row_is_told_with_its_number_and_its_column() {
    let list = sheet(
        "機関一覧",
        "機関名 | メール | 電話 | 確認日 | 院外
         あ病院 | a.example | 000-0000-1111 | 2026-11-01 | はい
         い病院 | i@i.example | 157243115 | 昨日 | たぶん
         | u@u.example | 000-0000-3333 | |
         え病院 | e@e.example, f@e.example | 内線2200 | |
         お病院 | o@o.example | 000-0000-5555 | |
         お病院 | p@o.example | 000-0000-6666 | |",
    );
    let imported = put(&[list], false);
    assert_eq!(
        told(&imported),
        [
            (2, "機関一覧!メール", "メールアドレスとして正しくありません。"),
            (3, "機関一覧!電話", "電話番号の先頭の 0 がありません。"),
            (3, "機関一覧!確認日", "日付として読めません。"),
            (3, "機関一覧!院外", "「はい」か「いいえ」ではありません。"),
            (4, "機関一覧!", "機関名がありません。"),
            (5, "機関一覧!メール", "メールアドレスが2つ以上あります。"),
            (5, "機関一覧!電話", "内線番号は書けません。"),
            (7, "機関一覧!機関名", "「お病院」は6行にもあります。"),
        ]
    );
}

#[test]
fn the_same_row_twice_and_one_address_of_two_agencies_are_warned_of() {
    let list = sheet(
        "",
        "機関名 | メール
         あ病院 | same@a.example
         あ病院 | same@a.example
         い病院 | SAME@a.example",
    );
    let imported = put(&[list], false);
    assert!(imported.problems.iter().all(|problem| problem.severity == Severity::Warning));
    assert_eq!(
        told(&imported),
        [(3, "機関名", "「あ病院」は2行にもあります。"), (4, "", "あ病院、い病院 の email が同じ宛先です。"),]
    );
}

#[test]
fn people_are_matched_by_name_whatever_its_blanks() {
    let list = sheet(
        "名簿",
        "氏名 | ふりがな | 所属 | 役職 | 携帯 | メール
         佐藤　悠（例） | さとう ゆう | 医療課 | 係長 | 000-0000-9999 | sato@eoc.hokuto.example
         新田 一 | にった はじめ | | | | nitta@eoc.hokuto.example",
    );
    let imported = put(&[list], false);
    assert_eq!(told(&imported), []);
    assert_eq!(changes(&imported), ["Changed person:p_sato", "Added person:p_新田_一"]);
    let person = &imported.directory.people["p_sato"];
    assert_eq!(person.post, Some(Text::plain("医療課 係長")));
    assert_eq!(person.reach["sms"], "000-0000-9999");
}

#[test]
fn without_remove_missing_nothing_goes_and_with_it_the_sheet_is_the_whole() {
    let lines = "キー | 機関名 | グループ | 主 メール | 代替 電話
         hosp_kitamino | 北見野中央病院DMAT | DMAT指定医療機関 | dmat@kitamino-hosp.example | 
         fire_hq | 北見野地区消防本部 | | shirei@kitamino-fire.example | 000-0000-3101";
    let kept = put(&[sheet("", lines)], false);
    assert_eq!(changes(&kept), [""; 0]);
    let whole = put(&[sheet("", lines)], true);
    assert_eq!(told(&whole), []);
    let left: Vec<&String> = whole.directory.agencies.keys().collect();
    assert_eq!(left, ["dmat_hospitals", "fire_hq", "hosp_kitamino"]);
    assert_eq!(whole.directory.expand("dmat_hospitals"), ["hosp_kitamino"]);
    assert!(!whole.directory.agencies["hosp_kitamino"].alternate.reach.contains_key("phone"));
    assert_eq!(whole.directory.people, example().people, "a sheet of agencies says nothing of people");
}

#[test]
fn whoever_is_on_a_roster_cannot_be_missing() {
    let list = sheet("", "キー | 氏名 | メール\np_sato | 佐藤 悠（例） | sato@eoc.hokuto.example");
    let imported = put(&[list], true);
    let told = told(&imported);
    assert!(
        told.iter().any(|(.., detail)| detail.contains("p_suzuki") && detail.contains("roster.eoc_duty"))
    );
}

#[test]
fn what_is_no_list_is_refused_and_notes_beside_a_list_are_passed_over() {
    let notes = || sheet("説明", "この表の使い方\n変更したら総務課へ");
    let imported = put(&[notes()], false);
    assert!(told(&imported).iter().any(|(.., detail)| *detail == "見出しの行が見つかりません。"));
    let list = sheet("一覧", "機関名 | メール | 備考\n新病院 | a@new.example | 夜間は不在");
    let imported = put(&[notes(), list], false);
    assert_eq!(told(&imported), []);
    let passed: Vec<&str> = imported.problems.iter().map(|problem| problem.detail.ja.as_str()).collect();
    assert_eq!(passed, ["読まない列: 備考", "シート「説明」には見出しの行がないので、読みません。"]);
}

#[test]
fn the_first_list_makes_a_directory() {
    let list =
        sheet("", "病院名 | E-mail | 携帯 | 夜間電話\nA病院 | a@a.example | 000-0000-1111 | 000-0000-2222");
    let imported = import(None, &[list], false, today());
    assert_eq!(told(&imported), []);
    let (again, problems) = read(write(&imported.directory).as_bytes());
    assert_eq!((again.as_ref(), problems), (Some(&imported.directory), Vec::new()));
    assert_eq!(imported.directory.agencies["A病院"].alternate.reach["phone"], "000-0000-2222");
}

#[test]
fn what_was_exported_changes_nothing_when_it_comes_back() {
    let sheets = [tables::agencies(&example()), tables::people(&example())];
    for remove_missing in [false, true] {
        let imported = put(&sheets, remove_missing);
        assert_eq!(told(&imported), []);
        assert_eq!(changes(&imported), [""; 0]);
        assert_eq!(imported.directory, example());
    }
}

#[test]
fn ten_thousand_agencies_take_seconds_at_most() {
    let head = "機関名 | フリガナ | グループ | メール | 携帯 | 代替電話".to_owned();
    let row = |n: usize| {
        format!(
            "第{n}病院 | ダイ{n}ビョウイン | 群{} | h{n}@h{n}.example | 000-{n:04}-0001 | 000-{n:04}-0002",
            n % 50
        )
    };
    let lines: Vec<String> = std::iter::once(head).chain((0..10_000).map(row)).collect();
    let imported = import(None, &[sheet("", &lines.join("\n"))], false, today());
    assert_eq!(told(&imported), []);
    assert_eq!(imported.directory.agencies.len(), 10_050);
    let (again, _) = read(write(&imported.directory).as_bytes());
    assert_eq!(again.as_ref(), Some(&imported.directory));
    assert_eq!(difference(again.as_ref(), &imported.directory), []);
}

proptest::proptest! {
    #[test]
    fn whatever_stands_in_the_cells_what_is_taken_is_a_directory(
        cells in proptest::collection::vec(proptest::collection::vec("\\PC{0,12}|[0-9-]{2,12}|[a-z]{1,5}@[a-z]{1,5}\\.example", 6), 0..8),
        remove_missing in proptest::bool::ANY,
    ) {
        let head = ["機関名", "フリガナ", "グループ", "メール", "電話", "担当"].map(str::to_owned).to_vec();
        let list = Sheet::of("", std::iter::once(head).chain(cells));
        let imported = put(&[list], remove_missing);
        if imported.problems.iter().all(|problem| problem.severity != Severity::Error) {
            let (again, problems) = read(write(&imported.directory).as_bytes());
            proptest::prop_assert_eq!(again.as_ref(), Some(&imported.directory), "{:?}", problems);
        }
    }
}

#[test]
fn a_group_that_is_new_and_an_agency_without_an_address_are_told_by_row() {
    let first = import(
        None,
        &[sheet("", "機関名 | メール | グループ\n東病院 | a@east.example | DMAT指定機関")],
        false,
        today(),
    );
    assert!(first.problems.is_empty(), "a first list makes its groups: {:#?}", first.problems);
    let rows = "機関名 | メール | グループ\n西病院 | b@west.example | DMAT指定期間\n南病院 | | DMAT指定機関";
    let second = import(Some(&first.directory), &[sheet("", rows)], false, today());
    let told: Vec<(u32, &str)> =
        second.problems.iter().map(|problem| (problem.at.line, problem.detail.ja.as_str())).collect();
    assert_eq!(
        told,
        [
            (2, "グループ「DMAT指定期間」は台帳にありません。新しく作ります。"),
            (3, "「南病院」に連絡先がありません。"),
        ]
    );
    assert!(second.problems.iter().all(|problem| problem.severity == Severity::Warning));
}
