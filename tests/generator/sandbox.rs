//! What the units open for the daemons, by the configuration.

use std::fs;

use lonc::internals::generate;

use super::Site;

#[test]
fn where_the_configuration_has_daemons_write_the_units_let_them() {
    let site = Site::with_table("a:d:r:h:1.1.1.2\n");
    let drop_in = site.path("units/lonc@.service.d/10-configuration.conf");
    let config = fs::read_to_string(site.path("lonc.toml")).unwrap();
    // What is private to the daemon, the system's, or not its user's is not opened. Tests run below /tmp.
    for spool in [
        "DIR/sockets/delayed",
        "/etc/delayed",
        "/usr/lib/delayed",
        "/delayed",
    ] {
        site.write("lonc.toml", &format!("spool_dir = '{spool}'\n{config}"));
        fs::create_dir_all(site.path("sockets/delayed")).unwrap();
        site.generate();
        assert!(!drop_in.exists(), "{spool}");
    }
    // As if it were elsewhere.
    let snapshot = |sandbox: &str| {
        let kept = fs::read_to_string(site.kept()).unwrap();
        let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        kept["sandbox"] = serde_json::from_str(sandbox).unwrap();
        fs::write(site.kept(), kept.to_string()).unwrap();
        generate(&site.path("lonc.toml"), &site.kept(), &site.path("units"))
    };
    let said = snapshot(
        r#"{"is_of_www":true,"written":["/home/httpd/sockets","/srv/lonc"],"read":["/home/x/tabs"],
            "usr1":["/home/x/logs"]}"#,
    );
    assert_eq!(said, [""; 0]);
    assert_eq!(
        fs::read_to_string(&drop_in).unwrap(),
        "[Service]\nUser=www\nGroup=www\nBindPaths=-/home/httpd/sockets\nReadWritePaths=-/srv/lonc\n\
         BindReadOnlyPaths=-/home/x/tabs\n"
    );
    let of =
        |unit: &str| fs::read_to_string(site.path(format!("units/{unit}.d/10-configuration.conf"))).unwrap();
    assert_eq!(of("lonc-table.service"), "[Service]\nUser=www\nGroup=www\n");
    assert_eq!(
        of("lonc-metrics.service"),
        "[Service]\nBindReadOnlyPaths=-/home/x/tabs\n"
    );
    assert_eq!(of("lonc-usr1.service"), "[Service]\nBindPaths=-/home/x/logs\n");
    let control = site.path("units/lonc-control@.socket.d/10-configuration.conf");
    assert_eq!(fs::read_to_string(control).unwrap(), "[Socket]\nSocketUser=www\n");
    for odd in [
        "/etc",
        "/home",
        "/home/x\\nBindPaths=/etc",
        "/home/../etc/x",
        "/home/x:/etc",
    ] {
        let said = snapshot(&format!(r#"{{"is_of_www":false,"written":["{odd}"],"read":[]}}"#));
        assert!(said[0].contains("no list of peers"), "{odd}: {said:?}");
        snapshot(r#"{"is_of_www":false,"written":[],"read":[]}"#);
    }
}
