//! Bundles to an S3-compatible server that checks signatures with the code of AWS's own client.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use highwater_evidence::delivery::{Destination, Outcome};
use serde_json::Value;

use crate::place::{place, work};
use crate::started::{Started, free_port, program};

/// Makes a bucket and a user who may use it, then has every request checked. Prints the user's keys, those of an
/// ordinary key and those that are lent with a token.
const SET_UP: &str = r#"
import boto3, json, sys, urllib.request
def client(service, **keys):
    keys = keys or dict(aws_access_key_id="x", aws_secret_access_key="x")
    return boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-west-1", **keys)
allow = lambda what: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": what, "Resource": "*"}]})
client("s3").create_bucket(Bucket="incidents", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
iam = client("iam")
iam.create_user(UserName="highwater")
key = iam.create_access_key(UserName="highwater")["AccessKey"]
iam.put_user_policy(UserName="highwater", PolicyName="p", PolicyDocument=allow(["s3:*", "sts:*"]))
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="lent", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
iam.put_role_policy(RoleName="lent", PolicyName="p", PolicyDocument=allow("s3:*"))
lent = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="highwater")["Credentials"]
reset = urllib.request.Request(sys.argv[1] + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
urllib.request.urlopen(reset).read()
print(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"],
    "lent": [lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]]}))
"#;

/// Prints what is in the bucket: sizes and digests by name.
const LOOK: &str = r#"
import boto3, hashlib, json, sys
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="eu-west-1",
    aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])
found = {}
for page in s3.get_paginator("list_objects_v2").paginate(Bucket="incidents"):
    for entry in page.get("Contents", []):
        content = s3.get_object(Bucket="incidents", Key=entry["Key"])["Body"].read()
        found[entry["Key"]] = [len(content), hashlib.sha256(content).hexdigest()]
print(json.dumps(found))
"#;

struct S3 {
    root: tempfile::TempDir,
    endpoint: String,
    keys: Value,
    _server: Started,
}

impl S3 {
    fn start() -> Self {
        let (root, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(program("moto/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("INITIAL_NO_AUTH_ACTION_COUNT", "1000");
        let server = Started::new(command.stderr(Stdio::null()), port);
        let endpoint = format!("http://127.0.0.1:{port}");
        let keys = python(SET_UP, &[&endpoint]);
        Self { root, endpoint, keys, _server: server }
    }

    fn credentials(&self, id: &str, secret: &str, token: &str) -> PathBuf {
        let path = self.root.path().join("credentials");
        let token = if token.is_empty() { String::new() } else { format!("aws_session_token = {token}\n") };
        let keys = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n{token}");
        fs::write(&path, keys).unwrap();
        path
    }

    fn own(&self) -> PathBuf {
        self.credentials(text(&self.keys["id"]), text(&self.keys["secret"]), "")
    }

    fn takes(&self, bucket: &str, prefix: &str, credentials: PathBuf) -> Destination {
        Destination::S3 {
            endpoint: self.endpoint.clone(),
            bucket: bucket.into(),
            prefix: prefix.into(),
            region: "eu-west-1".into(),
            credentials: Some(credentials),
        }
    }

    fn objects(&self) -> Value {
        python(LOOK, &[&self.endpoint, text(&self.keys["id"]), text(&self.keys["secret"])])
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn python(script: &str, arguments: &[&str]) -> Value {
    let output = Command::new(program("moto/bin/python")).arg("-c").arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_bundle_of_many_files_is_listed_whole_and_is_the_same() {
    let s3 = S3::start();
    let large: Vec<u8> = (0..9_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut files: Vec<(String, Vec<u8>)> =
        (0..40).map(|number| (format!("dump-{number}"), vec![number; 10])).collect();
    files.push(("dump-heap+(1)~é.gz".into(), large));
    files.push(("incident.json".into(), b"{}".into()));
    let borrowed: Vec<(&str, &[u8])> =
        files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let place = place(&borrowed);
    place.upload(s3.takes("incidents", "team a/shop", s3.own()), true);
    let (outcomes, next) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { files: 42, .. }]) && next.is_none(), "{outcomes:?}");
    let objects = s3.objects();
    assert_eq!(objects.as_object().unwrap().len(), 42);
    for (name, content) in &files {
        let digest = highwater_evidence::finish::digest(&place.incident, name).unwrap();
        assert_eq!(objects[format!("team a/shop/i-1/{name}")], serde_json::json!([content.len(), digest]), "{name}");
    }
}

#[test]
fn keys_that_are_lent_are_taken_with_their_token() {
    let s3 = S3::start();
    let place = place(&[("dump", b"x")]);
    let lent: Vec<&str> = s3.keys["lent"].as_array().unwrap().iter().map(text).collect();
    place.upload(s3.takes("incidents", "", s3.credentials(lent[0], lent[1], lent[2])), true);
    let (outcomes, _) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { files: 1, .. }]), "{outcomes:?}");
}

#[test]
fn wrong_keys_and_a_bucket_that_is_not_there_are_final() {
    let s3 = S3::start();
    let place = place(&[("dump", b"x")]);
    let reason = |bucket: &str, credentials: PathBuf| {
        place.upload(s3.takes(bucket, "", credentials), true);
        let (outcomes, next) = work(&place.outbox);
        let [Outcome::GivenUp { reason, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!(next, None);
        reason.clone()
    };
    let id = text(&s3.keys["id"]);
    assert!(reason("incidents", s3.credentials(id, "wrong", "")).contains("403 Forbidden: SignatureDoesNotMatch"));
    assert!(
        reason("incidents", s3.credentials("AKIAWRONG", "wrong", "")).contains("403 Forbidden: InvalidAccessKeyId")
    );
    assert!(reason("nowhere", s3.own()).contains("404 Not Found: NoSuchBucket"));
    assert_eq!(s3.objects(), serde_json::json!({}));
}
