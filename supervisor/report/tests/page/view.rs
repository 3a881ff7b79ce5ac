//! A page as somebody sees it: so wide, light or dark.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;

/// What somebody looks with.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Width in pixels of the style sheet.
    pub width: u32,
    /// `light` or `dark`.
    pub scheme: &'static str,
}

/// A phone and a desk, by day and by night.
pub const ALL: [View; 4] = [
    View { width: 390, scheme: "light" },
    View { width: 390, scheme: "dark" },
    View { width: 1280, scheme: "light" },
    View { width: 1280, scheme: "dark" },
];

impl View {
    /// Opens a page, and panics if it asks for anything, complains or fails.
    pub fn open(&self, browser: &mut Browser, page: &str) {
        let file = browser.home().join("page.html");
        std::fs::write(&file, page).unwrap();
        let address = format!("file://{}", file.display());
        self.look(browser, 2.0);
        browser.events();
        browser.call("Page.navigate", &json!({"url": address}));
        browser.wait_for("Page.loadEventFired");
        for event in browser.events() {
            assert!(is_harmless(&event, &address), "{self:?}: {event:#}");
        }
    }

    /// Sets size, sharpness and colours.
    pub fn look(&self, browser: &mut Browser, sharpness: f64) {
        let is_phone = self.width < 600;
        let size = json!({"width": self.width, "height": 900, "deviceScaleFactor": sharpness, "mobile": is_phone, "screenWidth": self.width, "screenHeight": 900});
        browser.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{"name": "prefers-color-scheme", "value": self.scheme}]);
        browser.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Takes a picture of the page down to a height, or of all of it.
    pub fn picture(&self, browser: &mut Browser, height: Option<f64>, to: &Path) {
        let all = browser.evaluate("document.documentElement.scrollHeight").as_f64().unwrap();
        let clip = json!({"x": 0, "y": 0, "width": self.width, "height": height.unwrap_or(all), "scale": 1});
        let options = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = browser.call("Page.captureScreenshot", &options);
        std::fs::write(to, BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}

/// Whether it is part of opening a page that needs nothing and complains about nothing.
fn is_harmless(event: &Value, address: &str) -> bool {
    let parameters = &event["params"];
    match event["method"].as_str().unwrap_or_default() {
        "Network.requestWillBeSent" => parameters["request"]["url"] == address,
        method => !matches!(
            method,
            "Log.entryAdded" | "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Network.loadingFailed"
        ),
    }
}
