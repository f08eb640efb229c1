//! The words that headings are made of.

use std::sync::LazyLock;

use super::{super::super::fold::for_search, Column, Medium, Way};
use crate::text::Language;

/// Headings of the switchboard.
pub(super) const SWITCHBOARD: [&str; 6] =
    ["代表", "代表電話", "代表電話番号", "代表番号", "代表tel", "大代表"];

/// Whose address it may be.
pub(super) const WHOSE: [&str; 22] = [
    "",
    "連絡先",
    "連絡",
    "連絡用",
    "担当",
    "担当者",
    "窓口",
    "部署",
    "災害時",
    "災害",
    "災害用",
    "dmat",
    "機関",
    "病院",
    "施設",
    "本部",
    "事務局",
    "個人",
    "公用",
    "業務用",
    "室",
    "者",
];

/// The words for media, folded, the longer ones first.
pub(super) static MEDIA: LazyLock<Vec<(String, Medium)>> = LazyLock::new(|| {
    let words: [(&[&str], Medium); 4] = [
        (
            &[
                "メール",
                "メールアドレス",
                "Eメール",
                "e-mail",
                "電子メール",
                "電子メールアドレス",
                "mail",
                "email",
                "emailアドレス",
                "e-mailアドレス",
                "mailaddress",
                "emailaddress",
                "アドレス",
                "Eメールアドレス",
            ],
            Medium::Mail,
        ),
        (
            &[
                "携帯",
                "携帯電話",
                "携帯番号",
                "携帯電話番号",
                "携帯sms",
                "sms",
                "mobile",
                "mobilephone",
                "cellphone",
                "携帯tel",
                "ショートメール",
                "smsの番号",
                "sms番号",
            ],
            Medium::Mobile,
        ),
        (
            &[
                "電話",
                "電話番号",
                "tel",
                "telephone",
                "phone",
                "phonenumber",
                "固定電話",
                "固定電話番号",
                "直通",
                "直通電話",
                "直通電話番号",
                "tel番号",
            ],
            Medium::Telephone,
        ),
        (&["連絡先", "contactaddress"], Medium::Any),
    ];
    let mut media: Vec<(String, Medium)> = words
        .into_iter()
        .flat_map(|(words, medium)| words.iter().map(move |word| (bare(word), medium.clone())))
        .collect();
    media.sort_by_key(|(word, _)| std::cmp::Reverse(word.chars().count()));
    media
});

/// The words for everything else, folded.
pub(super) static WORDS: LazyLock<Vec<(String, Column)>> = LazyLock::new(|| {
    let words: [(&[&str], Column); 14] = [
        (&["キー", "key", "機関キー", "識別キー"], Column::Key),
        (
            &[
                "機関名",
                "機関名称",
                "機関",
                "施設名",
                "施設名称",
                "施設",
                "病院名",
                "病院名称",
                "医療機関名",
                "医療機関名称",
                "医療機関",
                "団体名",
                "団体名称",
                "組織名",
                "組織",
                "名称",
                "事業所名",
                "所属機関名",
                "消防本部名",
                "agency",
                "agencyname",
                "facility",
                "facilityname",
                "hospital",
                "organization",
                "organisation",
                "title",
            ],
            Column::Title,
        ),
        (
            &["氏名", "名前", "お名前", "職員名", "職員氏名", "人名", "name", "fullname", "person名"],
            Column::Name,
        ),
        (
            &["英語名", "英名", "英語表記", "機関名英語", "氏名英語", "englishname", "titleen", "nameen"],
            Column::NameIn(Language::En),
        ),
        (&["やさしい日本語名", "titleeasyja"], Column::NameIn(Language::EasyJa)),
        (
            &[
                "フリガナ",
                "ふりがな",
                "カナ",
                "かな",
                "よみ",
                "読み",
                "読み方",
                "よみがな",
                "読み仮名",
                "読みがな",
                "kana",
                "reading",
                "カナ名",
                "カナ氏名",
                "氏名カナ",
                "氏名フリガナ",
                "機関名カナ",
                "機関名フリガナ",
                "施設名カナ",
                "施設名フリガナ",
                "病院名カナ",
                "病院名フリガナ",
            ],
            Column::Kana,
        ),
        (
            &[
                "グループ",
                "機関グループ",
                "所属グループ",
                "区分",
                "機関区分",
                "施設区分",
                "種別",
                "機関種別",
                "施設種別",
                "分類",
                "group",
                "groups",
                "category",
            ],
            Column::Group,
        ),
        (&["院外", "外部", "内外", "院内外", "院外機関", "outside"], Column::Outside),
        (&["人が応答", "human"], Column::Human),
        (
            &["所属", "役職", "職名", "職種", "所属役職", "所属部署", "post", "position", "jobtitle"],
            Column::Post,
        ),
        (&["言語", "使用言語", "language"], Column::Language),
        (
            &[
                "確認日",
                "最終確認日",
                "確認年月日",
                "連絡先確認日",
                "更新日",
                "最終更新日",
                "verifiedon",
                "verified",
                "lastverified",
            ],
            Column::VerifiedOn,
        ),
        (
            &[
                "窓口",
                "窓口名",
                "担当",
                "担当部署",
                "担当部署名",
                "担当課",
                "部署",
                "部署名",
                "担当窓口",
                "担当者",
                "担当者名",
                "担当者氏名",
                "担当者職氏名",
                "連絡担当者",
                "連絡担当者名",
                "連絡責任者",
                "責任者",
                "desk",
                "contact",
                "contactname",
                "contactperson",
                "department",
            ],
            Column::Desk(Way::Primary),
        ),
        (&["担当者キー", "person", "personkey"], Column::Person(Way::Primary)),
    ];
    words
        .into_iter()
        .flat_map(|(words, column)| words.iter().map(move |word| (bare(word), column.clone())))
        .collect()
});

/// A heading without anything but its letters and digits, folded.
pub(super) fn bare(word: &str) -> String {
    for_search(word).chars().filter(|c| c.is_alphanumeric()).collect()
}
