//! Which servers a site has and which is the active one, as the registry of each of them tells it.

use std::io;

use crate::platform::registry::RegistryValue;
use crate::site::SiteServer;

/// Where it stands.
pub(super) const SITE_SERVERS: RegistryValue =
    RegistryValue { key: r"SOFTWARE\Microsoft\SMS\Identification", name: "Site Servers" };

/// What a look at the registry tells: the servers, none of them active if it is not clear which one is.
///
/// `None` on a machine without the key, which is no site server; a site with one server may have no such value.
pub(super) fn site_servers(found: io::Result<Option<String>>) -> Option<Vec<SiteServer>> {
    match found {
        Ok(Some(text)) => Some(parse(&text)),
        Ok(None) => Some(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // There is something, and it cannot be read.
        Err(_) => Some(unclear("")),
    }
}

/// Reads `1;cm01.corp.example;0;cm02.corp.example;`: pairs of a flag, 1 on the active server, and a name.
fn parse(text: &str) -> Vec<SiteServer> {
    let text = text.trim();
    let fields: Vec<&str> = text.strip_suffix(';').unwrap_or(text).split(';').map(str::trim).collect();
    let server = |pair: &[&str]| match pair {
        ["1", name] if !name.is_empty() => Some(SiteServer { name: (*name).into(), active: true }),
        ["0", name] if !name.is_empty() => Some(SiteServer { name: (*name).into(), active: false }),
        _ => None,
    };
    match fields[..] {
        [""] => Vec::new(),
        _ => fields.chunks(2).map(server).collect::<Option<_>>().unwrap_or_else(|| unclear(text)),
    }
}

/// A server that is not active is not the only one: there is another, or nobody can tell.
fn unclear(text: &str) -> Vec<SiteServer> {
    vec![SiteServer { name: text.into(), active: false }]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::site::{Node, ServicesSeen};

    fn node_on_cm01(found: io::Result<Option<String>>) -> Option<Node> {
        let machine = Some("CM01".into());
        ServicesSeen { machine, site_servers: site_servers(found), ..ServicesSeen::default() }.node()
    }

    #[test]
    fn each_server_of_a_pair_knows_its_part() {
        for (text, node) in [
            ("1;cm01.corp.example;0;cm02.corp.example;", Node::Active),
            ("0;cm01.corp.example;1;cm02.corp.example", Node::Passive),
            (" 1 ; CM01 ; 0 ; CM02 ; ", Node::Active),
            ("1;CM01;", Node::Active),
            ("", Node::Active),
            (";", Node::Active),
            ("0;CM01;", Node::Unclear),
            ("1;CM01;1;CM02;", Node::Unclear),
            ("0;CM01;0;CM02;", Node::Unclear),
            ("1;CM02;0;CM03;", Node::Unclear),
            ("1;CM01;0", Node::Unclear),
            ("1;CM01;0;", Node::Unclear),
            ("1;CM01;;CM02", Node::Unclear),
            ("1;CM01;2;CM02", Node::Unclear),
            ("CM01;1;CM02;0", Node::Unclear),
            ("CM01", Node::Unclear),
            ("1;CM01;;", Node::Unclear),
        ] {
            assert_eq!(node_on_cm01(Ok(Some(text.to_owned()))), Some(node), "{text:?}");
        }
    }

    #[test]
    fn only_a_machine_without_the_key_cannot_tell() {
        assert_eq!(node_on_cm01(Ok(None)), Some(Node::Active));
        assert_eq!(node_on_cm01(Err(io::ErrorKind::NotFound.into())), None);
        assert_eq!(node_on_cm01(Err(io::ErrorKind::PermissionDenied.into())), Some(Node::Unclear));
        assert_eq!(node_on_cm01(Err(io::ErrorKind::InvalidData.into())), Some(Node::Unclear));
    }

    proptest! {
        #[test]
        fn what_is_no_list_of_pairs_never_makes_an_active_server(text in "[01;a ]{0,12}|\\PC{0,12}") {
            let clear = text.trim().trim_end_matches(';').split(';').all(|field| !field.trim().is_empty());
            let servers = parse(&text);
            if !clear {
                prop_assert!(!servers.iter().any(|server| server.active), "{servers:?}");
            }
        }
    }
}
