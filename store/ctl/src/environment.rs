//! Global flags that are given as variables: `ETCDCTL_ENDPOINTS` is `--endpoints` (C2).

use crate::failure::Failure;

const PREFIX: &str = "ETCDCTL_";

/// The flags of etcdctl that concern every command, with the letter of those that have one.
const FLAGS: [(&str, &str); 21] = [
    ("endpoints", ""),
    ("debug", ""),
    ("write-out", "-w"),
    ("hex", ""),
    ("dial-timeout", ""),
    ("command-timeout", ""),
    ("keepalive-time", ""),
    ("keepalive-timeout", ""),
    ("max-request-bytes", ""),
    ("max-recv-bytes", ""),
    ("insecure-transport", ""),
    ("insecure-discovery", ""),
    ("insecure-skip-tls-verify", ""),
    ("cert", ""),
    ("key", ""),
    ("cacert", ""),
    ("user", ""),
    ("password", ""),
    ("discovery-srv", "-d"),
    ("discovery-srv-name", ""),
    ("auth-jwt-token", ""),
];

/// The arguments with the flags that stand in variables before them. Who says a thing twice is refused.
pub fn merged(
    arguments: Vec<String>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<String>, Failure> {
    let mut flags: Vec<String> = Vec::new();
    for (name, value) in variables {
        let Some(flag) = name.strip_prefix(PREFIX) else { continue };
        let flag = flag.to_lowercase().replace('_', "-");
        let Some((_, letter)) = FLAGS.iter().find(|(known, _)| *known == flag) else { continue };
        if arguments.iter().take_while(|argument| *argument != "--").any(|argument| {
            let long = argument.strip_prefix("--").is_some_and(|given| {
                given.split_once('=').map_or(given, |(given, _)| given) == flag
            });
            long || (!letter.is_empty() && argument.starts_with(letter))
        }) {
            return Err(Failure::error(format!(
                "conflicting environment variable is shadowed by corresponding command-line flag \
                 (either unset environment variable or disable flag)): {name}"
            )));
        }
        flags.push(format!("--{flag}={value}"));
    }
    flags.sort_unstable();
    flags.extend(arguments);
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>, Failure> {
        let owned = |text: &&str| (*text).to_owned();
        let variables = variables.iter().map(|(name, value)| (owned(name), owned(value)));
        merged(arguments.iter().map(owned).collect(), variables)
    }

    #[test]
    fn what_a_variable_says_stands_before_the_arguments() {
        let variables = [
            ("ETCDCTL_WRITE_OUT", "json"),
            ("ETCDCTL_ENDPOINTS", "a:1,b:2"),
            ("ETCDCTL_API", "3"),
            ("HOME", "/"),
        ];
        let expected = ["--endpoints=a:1,b:2", "--write-out=json", "get", "--", "-w"];
        assert_eq!(merge(&["get", "--", "-w"], &variables).unwrap(), expected);
    }

    #[test]
    fn a_flag_and_its_variable_are_one_too_many() {
        for (flag, name) in [
            ("--endpoints=c:3", "ETCDCTL_ENDPOINTS"),
            ("--endpoints", "ETCDCTL_ENDPOINTS"),
            ("-w", "ETCDCTL_WRITE_OUT"),
            ("-wjson", "ETCDCTL_WRITE_OUT"),
        ] {
            let refused = merge(&["get", "a", flag], &[(name, "x")]).unwrap_err();
            assert!(refused.text.unwrap().contains(name), "{flag}");
        }
        assert!(merge(&["--endpoint-s"], &[("ETCDCTL_ENDPOINTS", "x")]).is_ok());
    }
}
