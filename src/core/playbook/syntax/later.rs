//! How a playbook may be drilled.

use super::Gathered;
use crate::{playbook::DrillPlan, yaml::fields::Spot};

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
