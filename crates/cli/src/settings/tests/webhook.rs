//! The settings of webhooks.

use super::*;

#[test]
fn webhooks_are_taken_once_there_is_a_secret_for_them() {
    assert!(enough_and(&[]).unwrap().zoom.unwrap().webhook.is_none());
    let secret = ("ZOOM_WEBHOOK_SECRET_TOKEN", "qgg8vlvZRS6UYooatFL8Aw,xys8n8PGS7mAU0m5-YJjRA");
    let zoom = enough_and(&[secret]).unwrap().zoom.unwrap();
    let webhook = zoom.webhook.unwrap();
    assert_eq!(webhook.secrets.len(), 2);
    assert!(webhook.forward.is_none() && webhook.signing.is_none());
    assert!(zoom.registration.webhooks);
    let forward = ("WEBHOOK_FORWARD", "http://127.0.0.1:8000/hooks/zoom?from=zoom");
    let signing = ("WEBHOOK_SIGNING_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let webhook = enough_and(&[secret, forward, signing]).unwrap().zoom.unwrap().webhook.unwrap();
    assert_eq!(webhook.forward.unwrap().as_str(), forward.1);
    assert_eq!(webhook.signing.unwrap().secret().expose(), signing.1);
}

#[test]
fn what_is_wrong_with_webhooks_is_said_all_at_once_and_quotes_no_secret() {
    let file = "[zoom]\nwebhook_secrets = [\"short-canary\"]\n[webhook]\nforward = \"http://user:canary@host/\"\nsigning_secret = \"canary\"\nretry_seconds = 1\n";
    let problems = Directory::with(&[("stagedoor.toml", file)]).read(ENOUGH).unwrap_err();
    assert!(!problems.contains("canary"), "{problems}");
    assert_snapshot!(problems, @r"
    The settings have 4 problems.

      zoom.webhook_secrets (stagedoor.toml:2)
        it is shorter than any that Zoom gives
        fix: copy the Secret Token from the Marketplace, Feature, Token

      webhook.forward (stagedoor.toml:4)
        it has a user name, a password or a fragment
        fix: write an absolute address, for example https://www.example.com/path

      webhook.signing_secret (stagedoor.toml:5)
        it is not whsec_ and 24 to 64 bytes in base64
        fix: remove it, so that it derives from the deployment's secret, or write whsec_ and 32 random bytes in base64

      webhook.retry_seconds (stagedoor.toml:6)
        1 is out of range
        fix: write a whole number from 60 to 7776000
    ");
    let alone = Directory::with(&[("stagedoor.toml", "[webhook]\nforward = \"http://127.0.0.1:8000/\"\n")]);
    assert_snapshot!(alone.read(ENOUGH).unwrap_err(), @r"
    The settings have a problem.

      webhook.forward (stagedoor.toml:2)
        no webhook is taken, so there is none to forward
        fix: set zoom.webhook_secrets
    ");
}
