//! How a playbook may be drilled, and which warnings its author waives.

use super::Gathered;
use crate::{
    playbook::{DrillPlan, Waiver},
    text::Text,
    yaml::fields::{Located, Spot},
};

/// Rules whose breach is a warning: only these can be waived.
const WAIVABLE: [&str; 17] = [
    "R06", "R07", "A05", "A07", "A08", "A10", "A14", "A15", "A16", "A17", "T03", "T04", "T06", "T07", "T10",
    "X13", "X15",
];

pub(super) fn drills<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<DrillPlan> {
    let fields = spot.fields()?;
    let allowed = fields.need("allowed").and_then(|spot| spot.flag());
    let mut plan = DrillPlan { allowed: false, subject_prefix: None, body_top: None, body_bottom: None };
    if let Some(fields) = fields.get("mark").and_then(|spot| spot.fields()) {
        let words = |name| fields.get(name).and_then(|spot| gathered.template(&spot));
        plan.subject_prefix = words("subject_prefix");
        plan.body_top = words("body_top");
        plan.body_bottom = words("body_bottom");
        fields.finish();
    }
    fields.finish();
    Some(DrillPlan { allowed: allowed?, ..plan })
}

pub(super) fn waivers(spot: &Spot<'_>) -> Vec<Located<Waiver>> {
    spot.items().iter().filter_map(|spot| Some(spot.locate(waiver(spot)?))).collect()
}

fn waiver(spot: &Spot<'_>) -> Option<Waiver> {
    let fields = spot.fields()?;
    let code = fields.need("code").and_then(|spot| {
        let code = spot.string()?;
        if !WAIVABLE.contains(&code) {
            spot.error(
                "R02",
                Text::both(
                    format!("「{code}」は免除できません。警告だけを免除できます。"),
                    format!("\"{code}\" cannot be waived: only warnings can."),
                ),
                Text::both(
                    format!("免除できる規則: {}", WAIVABLE.join("、")),
                    format!("Rules that can be waived: {}.", WAIVABLE.join(", ")),
                ),
            );
            return None;
        }
        Some(code.to_owned())
    });
    let because = fields.need("because").and_then(|spot| spot.text());
    fields.finish();
    Some(Waiver { code: code?, because: because? })
}
