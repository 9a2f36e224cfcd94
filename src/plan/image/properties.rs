//! What holds for the plan of an image, whatever state it is made in.

use jiff::ToSpan;
use proptest::option;
use proptest::prelude::*;

use super::bench::*;
use super::*;
use crate::api::common::{CreateIntent, DeletionPolicy};
use crate::api::image::CapturePower;
use crate::plan::create;

prop_compose! {
    fn images()(
        state in 0usize..7, here in any::<bool>(), marked_one in any::<bool>(), custom in any::<bool>(), other in any::<bool>(),
    ) -> Vec<ObservedImage> {
        use ImageState as S;
        let state = [S::Creating, S::Available, S::Unavailable, S::Failed, S::Missing, S::Deleting, S::Unknown][state];
        let mut all = Vec::new();
        if here {
            all.push(ObservedImage { custom, ..image(ID, if marked_one { "golden" } else { "-" }, state) });
        }
        if marked_one {
            all.push(image("m-2", &marked(), state));
        }
        if other {
            all.push(image("m-3", &naming::marked_name("golden", OTHER), S::Available));
        }
        all
    }
}

prop_compose! {
    fn intents()(
        attempt in 1i32..4, started in -2000i64..10, open in any::<bool>(), empty in 0i32..4, task in any::<bool>(),
    ) -> CreateIntent {
        let begun = now() + started.seconds();
        CreateIntent {
            phase: if open { CreatePhase::Open } else { CreatePhase::Failed },
            empty_listings: empty,
            task_id: task.then(|| "job-1".to_owned()),
            ..create::intent(attempt, Some(marked()), Vec::new(), "before".into(), &limits(), begun)
        }
    }
}

prop_compose! {
    fn cases()(
        kind in 0u8..4, listed in option::of(images()), before in any::<bool>(), intent in option::of(intents()),
        recorded in option::of((any::<bool>(), any::<bool>())), state in 0usize..4, held in any::<bool>(),
        flags in any::<[bool; 4]>(), word in 0usize..4, policy in option::of(any::<bool>()), named in any::<bool>(),
    ) -> Case {
        let spec = match kind {
            0 => capturing(CapturePower::Stop),
            1 => capturing(CapturePower::AsIs),
            2 => existing(),
            _ => super::bench::named("g"),
        };
        let status = match recorded {
            Some((adopted, foreign)) => {
                let mut status = bound(adopted);
                if foreign {
                    status.binding.as_mut().unwrap().uid = OTHER.into();
                }
                status
            }
            None => DesktopImageStatus { create: intent, ..DesktopImageStatus::default() },
        };
        let mut case = Case::new(spec, status, Vec::new());
        case.before = before.then(Vec::new);
        case.images = listed;
        let states = [DesktopState::Running, DesktopState::Stopped, DesktopState::Imaging, DesktopState::Unknown];
        if case.spec.capture.is_some() {
            case.source = source(states[state], held);
        }
        [case.deleting, case.paused, case.in_flight, _] = flags;
        if flags[3] {
            case.used_by = vec!["Desktop alice".into()];
        }
        case.vendor = ["gws", "huaweiWorkspace", "capitalOnline", "cloudDesktop"][word];
        case.spec.deletion_policy = policy.map(|delete| if delete { DeletionPolicy::Delete } else { DeletionPolicy::Retain });
        case.spec.display_name = named.then(|| "golden".to_owned());
        case
    }
}

proptest! {
    #[test]
    fn nothing_foreign_paused_or_used_is_touched(case in cases()) {
        let plan = case.plan();
        let (sent, _) = says(&plan);
        if case.paused {
            prop_assert_eq!(sent, "-");
        }
        let ours = case.status.binding.as_ref().is_none_or(|b| b.uid == UID);
        if !ours {
            prop_assert!(matches!(sent, "-" | "Release"), "{}", sent);
        }
        if sent == "DeleteImage" {
            prop_assert!(case.deleting && case.used_by.is_empty() && ours);
            let adopted = case.status.binding.as_ref().unwrap().adopted;
            let policy = case.spec.deletion_policy;
            prop_assert_eq!(DeletionPolicy::effective(policy, adopted), DeletionPolicy::Delete);
            prop_assert!(vendor(case.vendor).delete_image);
        }
        if sent == "Release" {
            prop_assert!(case.deleting && case.used_by.is_empty());
        }
    }

    #[test]
    fn a_creation_is_recorded_before_it_is_sent_and_never_beside_another(case in cases()) {
        let plan = case.plan();
        if let Action::Create(operation) = &plan.action {
            prop_assert_eq!(operation.name(), "CreateImage");
            prop_assert!(!case.deleting && !case.in_flight && case.status.id.is_none());
            let written = plan.status.create.as_ref().unwrap();
            prop_assert_eq!(written.phase, CreatePhase::Open);
            prop_assert_eq!(written.writer.as_str(), "w");
            if let Some(before) = &case.status.create {
                prop_assert_eq!(written.attempt, before.attempt + 1);
                // One that is open, or was found, is never followed by another.
                let settled = now() >= before.not_after_time.0 + 10.minutes();
                prop_assert!(before.phase == CreatePhase::Failed || settled);
            }
            let ours = |i: &ObservedImage| i.name.as_deref() == Some(marked().as_str());
            prop_assert!(!case.images.iter().flatten().any(ours));
            let SourceView::Desktop(source) = &case.source else { panic!("no source") };
            prop_assert!(source.held);
            prop_assert_eq!(plan.status.held_desktop_id.as_ref(), Some(&source.id));
        }
    }

    #[test]
    fn what_is_at_rest_is_written_once(case in cases()) {
        let first = case.plan();
        let at_rest = condition::is_true(&first.status.conditions, condition::READY)
            || condition::is_true(&first.status.conditions, condition::STALLED);
        if matches!(first.action, Action::None) && at_rest {
            let again = Case { status: first.status.clone(), ..case };
            let second = again.plan_at(now() + 5.minutes());
            if matches!(second.action, Action::None) && says(&second) == says(&first) {
                prop_assert_eq!(&second.status, &first.status);
                prop_assert!(second.notices.is_empty(), "{:?}", second.notices);
            }
        }
    }
}
