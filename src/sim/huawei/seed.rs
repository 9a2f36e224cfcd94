//! What is there from the beginning.

use std::collections::BTreeSet;

use super::model::{Huawei, Image, Project};
use crate::sim::clock::Clock;
use crate::sim::config::SimConfig;

/// Project of the first account: that of the document's request example.
const FIRST_PROJECT: &str = "0bec5db98280d2d02fd6c00c2de791ce";

impl Project {
    /// A project whose tenant is in use.
    pub(crate) fn new(id: &str, account: &str, region: &str) -> Self {
        let quotas = [
            ("general_instances", 100),
            ("gpu_instances", 10),
            ("volumes", 500),
            ("volume_gigabytes", 21_500),
            ("cores", 800),
            ("Memory", 1600),
            ("users", 3000),
            ("policy_groups", 50),
        ];
        Self {
            id: id.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            status: "SUBSCRIBED".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            subnets: ["subnet-1", "subnet-2", "subnet-3"].map(str::to_owned).into(),
            quotas: quotas.map(|(name, limit)| (name.to_owned(), limit)).into(),
        }
    }
}

impl Huawei {
    /// The vendor's own images, and a project for every account: the document's for the first, for the others one
    /// whose id is counted.
    pub(crate) fn seeded(clock: &Clock, config: &SimConfig) -> Self {
        let images = [
            (
                "cc3bbc0b-9441-461b-b80b-48c52f3aed08",
                "Windows 10 standard",
                "Windows",
                "Windows 10 64bit",
                80,
            ),
            (
                "d6b368bc-a24d-4fb5-a8fb-727356a53f33",
                "Windows 11 design",
                "Windows",
                "Windows 11 64bit",
                80,
            ),
            (
                "bef99a44-2b6a-4ef9-b1a2-204a4910e374",
                "UOS professional",
                "Linux",
                "UOS 20 64bit",
                80,
            ),
        ]
        .into_iter()
        .map(|(id, name, os_type, os_version, min_disk)| {
            let image = Image {
                id: id.to_owned(),
                account: String::new(),
                project: None,
                name: name.to_owned(),
                os_type: os_type.to_owned(),
                os_version: os_version.to_owned(),
                min_disk,
                source: None,
                created: clock.date(0),
                visible_from: 0,
            };
            (image.id.clone(), image)
        })
        .collect();
        let projects = config
            .accounts
            .iter()
            .enumerate()
            .map(|(n, account)| {
                let id = if n == 0 {
                    FIRST_PROJECT.to_owned()
                } else {
                    format!("{n:032x}")
                };
                (id.clone(), Project::new(&id, &account.id, "cn-north-4"))
            })
            .collect();
        Self {
            images,
            projects,
            sold_out: BTreeSet::from(["workspace.x86.ultimate.2xlarge4".to_owned()]),
            ..Self::default()
        }
    }
}
