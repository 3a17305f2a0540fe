use super::*;
use std::process::Command;

pub(crate) fn sample() -> Plan {
    Plan {
        slug: "acme-prod".into(),
        deployment: "0123456789ab".into(),
        lane: Lane::Update,
        root: "/root/.slipway".into(),
        docker_sudo: false,
        docker_socket: None,
        old: Some(Live { container: "slipway-acme-prod-aaaaaaaaaaaa".into(), slot: Slot::A }),
        new: Live { container: "slipway-acme-prod-0123456789ab".into(), slot: Slot::B },
        update: Some("slipway-acme-prod-0123456789ab-update".into()),
        postgres: "slipway-acme-prod-db".into(),
        database: "acme_prod".into(),
        role: "odoo".into(),
        proxy: "slipway-caddy".into(),
        volume: "slipway-acme-prod-data".into(),
        image: "slipway/acme-prod:0123456789ab".into(),
        image_id: None,
        domain: "shop.example.com".into(),
        modules: vec!["base".into(), "acme_base".into()],
        static_files: vec![],
        updated: vec!["acme_base".into()],
        absent: vec![],
        health_path: "/web/health".into(),
        websocket_path: "/websocket".into(),
        websocket_port: 8072,
        limits: Limits::default(),
        margin_kib: 524_288,
    }
}

#[test]
fn a_shell_reads_back_what_was_said() {
    let mut plan = sample();
    plan.docker_sudo = true;
    plan.docker_socket = Some("/run/user/1000/docker.sock".into());
    let script = format!(
        "set -u\n{}printf '%s|' \"$DIR\" \"$MODULES\" \"$DOCKER\" \"$DRAIN_S\"",
        plan.render().unwrap()
    );
    let out = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert_eq!(
        String::from_utf8(out.stdout).unwrap(),
        "/root/.slipway/acme-prod/cutovers/0123456789ab|base,acme_base|sudo -n docker -H unix:///run/user/1000/docker.sock|30|"
    );
}

#[test]
fn any_text_survives_quoting() {
    for text in ["", "a b", "it's", "'''", "$(id) `id` \\ \" \n x", "-e", "é😀"] {
        let out = Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(text))).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), text);
    }
}

#[test]
fn bad_values_are_refused() {
    type Change = fn(&mut Plan, String);
    let fields: [Change; 9] = [
        |p, v| p.slug = v,
        |p, v| p.database = v,
        |p, v| p.role = v,
        |p, v| p.new.container = v,
        |p, v| p.root = v,
        |p, v| p.image = v,
        |p, v| p.domain = v,
        |p, v| p.modules = vec![v],
        |p, v| p.deployment = v,
    ];
    for change in fields {
        for bad in ["", "a\"b", "a'b", "a;b", "a b", "$(id)", "a\nb", "-x y", "é", &"x".repeat(200)] {
            let mut plan = sample();
            change(&mut plan, bad.to_owned());
            let long_is_fine =
                bad.len() == 200 && (plan.image == bad || plan.domain == bad || plan.modules == [bad]);
            assert!(long_is_fine || plan.render().is_err(), "{bad:?} in {plan:?}");
        }
    }
    assert!(sample().render().is_ok());
}

#[test]
fn a_lane_needs_its_containers() {
    let broken: [fn(&mut Plan); 6] = [
        |p| p.update = None,
        |p| p.lane = Lane::Code,
        |p| (p.lane, p.old, p.update) = (Lane::Code, None, None),
        |p| p.lane = Lane::First,
        |p| p.new.slot = Slot::A,
        |p| p.new.container = "slipway-acme-prod-aaaaaaaaaaaa".into(),
    ];
    for change in broken {
        let mut plan = sample();
        change(&mut plan);
        assert!(matches!(plan.render(), Err(PlanError::WrongLane { .. })));
    }
}

#[test]
fn a_database_whose_container_is_gone_can_be_updated() {
    let gone = Plan { old: None, ..sample() };
    assert!(gone.render().is_ok());
    assert!(Plan { update: None, ..gone }.render().is_ok(), "nor is there always a module to update");
}

#[test]
fn names_fit_postgresql() {
    let plan = sample();
    for name in [plan.before(), plan.failed(), plan.staging()] {
        assert!(name.len() <= 63 && is_name(&name, "_"), "{name}");
    }
}
