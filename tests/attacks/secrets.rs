//! 41, 48, 53, 58: where a secret may stand, and what a command's JSON may say.

use base64::Engine as _;
use tenure::adapters::sqlite::SqliteStore;
use tenure::ports::Letter;
use tenure::testing::cast::{KEY, token_of};

use super::stage::{Stage, command, hash, stage, stage_in};
use super::*;

/// Every token that a walk through the company's life issues, with everything it printed.
async fn walk(stage: &Stage) -> (Vec<Token>, String) {
    let it = &stage.company;
    let mut said = String::new();
    let mut letters: Vec<Letter> = Vec::new();
    let bob = it.member("bob");
    it.directory.forgot_password(Realm::Shared, "bob@acme.example").await.unwrap();
    while it.directory.maintain().await.unwrap().more {}
    letters.extend(it.postbox.take());
    let reset = letters.iter().find_map(token_of).unwrap();
    let link = it.directory.verify(&reset).await.unwrap();
    let user = bob.user.unwrap();
    let chosen =
        it.directory.execute(link.clone(), ChoosePassword { user, password: hash() }).await;
    said += &format!("{link:?} {chosen:?}");
    let mut tokens = vec![stage.token.clone(), reset];
    for n in 0..5 {
        let email: EmailAddress = format!("eve{n}@acme.example").parse().unwrap();
        let invite = Invite::new(it.organization, email.clone(), name("agent"));
        let request = it.principal("olivia").request().with_key(name(&format!("key-{n}")));
        let invited = it.directory.execute(request, invite).await.unwrap();
        said += &format!("{invited:?}");
        let (organization, invitation) = (it.organization, invited.output.invitation);
        it.directory.maintain().await.unwrap();
        letters.extend(it.postbox.take());
        let resend = ResendInvitation { scope: organization.into(), invitation };
        said += &format!("{:?}", it.directory.execute(it.principal("ada"), resend).await);
        if n == 4 {
            // One mail stays in the outbox.
            it.postbox.fail_next(1);
        }
        it.directory.maintain().await.unwrap();
        let sent = it.postbox.take();
        letters.extend(sent.clone());
        if let Some(token) = sent.iter().find_map(token_of) {
            let view = it.directory.inspect(&token).await.unwrap();
            said += &format!(
                "{view:?} {:?}",
                it.directory.preview(view.link.clone(), view.accept()).await
            );
            let accept = view.accept().with_password(hash());
            said += &format!("{:?}", it.directory.execute(view.link, accept).await);
        }
    }
    tokens.extend(letters.iter().filter_map(token_of));
    said += &format!("{letters:?} {tokens:?} {:?} {:?}", it.directory, it.postbox.take());
    (tokens, said)
}

/// What must stand nowhere: each token, its signature in any usual form, and the password's hash.
fn secrets(tokens: &[Token]) -> Vec<Vec<u8>> {
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut all = vec![hash().expose().as_bytes().to_vec(), KEY.to_vec()];
    for token in tokens {
        let bytes = engine.decode(token.expose()).unwrap();
        let mac = bytes[bytes.len() - 32..].to_vec();
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        all.push(token.expose().as_bytes().to_vec());
        all.push(token.expose().as_bytes()[44..].to_vec());
        all.extend([hex.to_uppercase().into_bytes(), hex.into_bytes(), mac]);
    }
    all
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|it| it == needle)
}

/// Proved: with a `Debug` of `Token` that tells it, what was printed holds it.
#[tokio::test]
async fn attack_58_no_secret_stands_in_audit_feed_debug_or_at_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acme.db");
    let stage = stage_in(SqliteStore::open(&path).unwrap()).await;
    let (tokens, said) = walk(&stage).await;
    assert!(tokens.len() >= 10, "only {} tokens", tokens.len());
    let it = &stage.company;
    let mut places: Vec<(String, Vec<u8>)> = vec![("what was printed".into(), said.into_bytes())];
    let mut after = FeedPosition(0);
    loop {
        let feed = it.directory.events_since(after, 500).await.unwrap();
        let Some(last) = feed.last() else { break };
        after = last.feed;
        places.push(("the feed".into(), serde_json::to_vec(&feed).unwrap()));
        places.push(("the feed's debug".into(), format!("{feed:?}").into_bytes()));
    }
    let audit = it
        .directory
        .audit(&it.principal("olivia"), it.organization, Revision::NONE, 500)
        .await
        .unwrap();
    places.push(("the audit".into(), serde_json::to_vec(&audit.entries).unwrap()));
    let bob = it.member("bob").user.unwrap();
    let own =
        it.directory.user_audit(&Principal::Person(bob), bob, Revision::NONE, 500).await.unwrap();
    assert!(!own.entries.is_empty());
    places.push(("Bob's audit".into(), serde_json::to_vec(&own.entries).unwrap()));
    let user = it.directory.user(bob).await.unwrap();
    assert!(user.password.is_some());
    places.push(("Bob's debug".into(), format!("{user:?}").into_bytes()));
    let secrets = secrets(&tokens);
    for (place, bytes) in &places {
        for secret in &secrets {
            assert!(
                !contains(bytes, secret),
                "{place} holds {:?}",
                String::from_utf8_lossy(secret)
            );
        }
    }
    // At rest: the password's hash stands with its user, and nothing else does.
    drop(stage);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        for secret in &secrets[1..] {
            assert!(
                !contains(&bytes, secret),
                "{file:?} holds {:?}",
                String::from_utf8_lossy(secret)
            );
        }
    }
}

#[tokio::test]
async fn attack_41_no_answer_of_the_directory_carries_a_token() {
    let it = acme().await;
    let preview = it
        .directory
        .preview(Principal::System, AskPasswordReset { user: it.member("bob").user.unwrap() })
        .await
        .unwrap();
    let done = it.directory.forgot_password(Realm::Shared, "bob@acme.example").await;
    it.directory.maintain().await.unwrap();
    let token = it.postbox.take().iter().find_map(token_of).unwrap();
    assert!(!format!("{preview:?} {done:?}").contains(token.expose()));
    assert_eq!(format!("{token:?}"), "Token(…)");
    assert_eq!(format!("{:?}", KeyRing::new(KEY)), "KeyRing(1 keys)");
    assert_eq!(format!("{:?}", hash()), "PasswordHash(…)");
}

use tenure::KeyRing;

#[tokio::test]
async fn attack_53_a_list_of_invitations_makes_no_link() {
    let stage = stage().await;
    let it = &stage.company;
    let who = it.principal("ada");
    let page = it
        .directory
        .invitations(&who, it.organization, InvitationStatus::Open, None, 50)
        .await
        .unwrap();
    let json = serde_json::to_string(&page.rows).unwrap();
    assert!(json.contains(&stage.targets[3].invitation.to_string()));
    for secret in secrets(std::slice::from_ref(&stage.token)) {
        assert!(!contains(json.as_bytes(), &secret));
    }
    // What is listed, packed like a token and signed by nobody, is refused.
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut forged = engine.decode(stage.token.expose()).unwrap();
    let head = forged.len() - 32;
    forged[head..].fill(0);
    assert!(it.directory.verify(&Token::new(engine.encode(&forged))).await.is_err());
    forged.truncate(head);
    assert!(it.directory.verify(&Token::new(engine.encode(&forged))).await.is_err());
}

/// Fields that somebody would like to bring along.
const PRIVILEGED: [(&str, &str); 14] = [
    ("is_admin", "true"),
    ("system", "true"),
    ("principal", "\"system\""),
    ("source", "\"adoption\""),
    ("status", "{\"name\":\"active\",\"since\":0}"),
    ("keeps_organization", "true"),
    ("rank", "65535"),
    ("role_override", "\"owner\""),
    ("now", "0"),
    ("seats_are_full", "false"),
    ("user_id", "\"00000000-0000-0000-0000-000000000001\""),
    ("email_verified_at", "1"),
    ("generation", "1"),
    ("__proto__", "{}"),
];

/// Proved: `deny_unknown_fields` taken from one command fails here.
#[tokio::test]
async fn attack_48_no_command_takes_a_field_that_it_does_not_have() {
    let stage = stage().await;
    let mut tried = 0;
    for name in CommandName::ALL {
        let command = command(*name, &stage.targets[0], &stage.around());
        let json = serde_json::to_value(&command).unwrap();
        assert_eq!(serde_json::from_value::<Command>(json.clone()).unwrap(), command);
        for (field, value) in PRIVILEGED {
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            tried += inject(&json, &mut Vec::new(), field, &value, &|changed| {
                let parsed = serde_json::from_value::<Command>(changed.clone());
                assert!(parsed.is_err(), "{name:?} takes `{field}`: {changed}");
            });
        }
    }
    assert!(tried > 800, "only {tried}");
}

/// Objects whose keys are names of things: profiles, permissions by name, lists by name, and the
/// choices that are written as an object with one key.
fn is_map(path: &[String]) -> bool {
    let Some(last) = path.last() else { return false };
    let maps = [
        "profile",
        "fence",
        "permissions",
        "only",
        "fields",
        "joining",
        "open",
        "domains",
        "provisioning",
        "just_in_time",
        "may_assign",
        "support",
        "consent",
        "to",
        "realm",
        "status",
    ];
    maps.contains(&last.as_str())
}

/// Adds the field to every object inside, one at a time; says how many there were.
fn inject(
    json: &serde_json::Value,
    path: &mut Vec<String>,
    field: &str,
    value: &serde_json::Value,
    try_it: &dyn Fn(&serde_json::Value),
) -> u32 {
    fn objects(json: &serde_json::Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        match json {
            serde_json::Value::Object(map) => {
                if !is_map(path) {
                    found.push(path.clone());
                }
                for (key, inner) in map {
                    path.push(key.clone());
                    objects(inner, path, found);
                    path.pop();
                }
            }
            serde_json::Value::Array(all) => {
                for (n, inner) in all.iter().enumerate() {
                    path.push(n.to_string());
                    objects(inner, path, found);
                    path.pop();
                }
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    objects(json, path, &mut found);
    let mut tried = 0;
    for place in found {
        let mut changed = json.clone();
        let pointer: String = place.iter().map(|key| format!("/{key}")).collect();
        let map = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        if !map.contains_key(field) {
            map.insert(field.to_owned(), value.clone());
            try_it(&changed);
            tried += 1;
        }
    }
    tried
}
