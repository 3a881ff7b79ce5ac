//! Wishes of a person: only on the unix socket, and only of whoever may do the same with a debugger.

use highwater_core::supervisor::Wish;
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

use super::answer::{Answer, allow, json, text};
use super::connections::Caller;
use super::{Around, Question, health};
use crate::run::Wake;

/// Answers 202 with the step that begins, or 409 with the reason why none does.
pub async fn answer(method: &Method, name: &str, caller: Caller, around: &Around) -> Answer {
    let Some(wish) = Wish::ALL.into_iter().find(|wish| wish.name() == name) else {
        return text(StatusCode::NOT_FOUND, "there are /trigger/dump, /trigger/throttle and /trigger/restart");
    };
    let by = match allowed(caller, nix::unistd::geteuid().as_raw()) {
        Ok(by) => by,
        Err(reason) => return text(StatusCode::FORBIDDEN, reason),
    };
    if method != Method::POST {
        return allow("POST");
    }
    let (sender, receiver) = oneshot::channel();
    let asked = around.wake.send(Wake::Asked(Question::Wish { wish, by, answer: sender }));
    match (asked, receiver.await) {
        (Ok(()), Ok(Ok(step))) => json(StatusCode::ACCEPTED, &json!({ "command": name, "step": step })),
        (Ok(()), Ok(Err(reason))) => json(StatusCode::CONFLICT, &json!({ "command": name, "reason": reason })),
        _ => health::ending(),
    }
}

/// Who asks, in words; or why nothing is done for them.
fn allowed(caller: Caller, own: u32) -> Result<String, &'static str> {
    match caller {
        Caller::Process { pid, uid } if uid == 0 || uid == own => Ok(match pid {
            Some(pid) => format!("process {pid} of user {uid}"),
            None => format!("a process of user {uid} in another namespace"),
        }),
        Caller::Process { .. } => Err("only root and the user of highwater may ask for that"),
        Caller::Network => Err("only on the unix socket"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_for_root_and_for_the_own_user() {
        let of = |uid| Caller::Process { pid: Some(7), uid };
        assert_eq!(allowed(of(0), 1000).as_deref(), Ok("process 7 of user 0"));
        assert!(allowed(of(1000), 1000).is_ok());
        assert!(allowed(of(1001), 1000).is_err());
        assert!(allowed(of(65534), 0).is_err());
        assert!(allowed(Caller::Network, 0).is_err());
    }
}
