//! Web Push: the coding of Mozilla's crate ece, which Firefox for Android
//! uses. The line protocol is that of the folder above: one JSON object a
//! line, commands on stdin, events on stdout, payloads in base64.

use std::error::Error;
use std::io::{self, BufRead, Write};

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine;
use ece::EcKeyComponents;
use serde_json::{json, Value};

fn octets(command: &Value, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let text = command[name].as_str().ok_or_else(|| format!("no {name}"))?;
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

fn obey(line: &str) -> Result<Value, Box<dyn Error>> {
    let command: Value = serde_json::from_str(line)?;
    let data = STANDARD.decode(command["data"].as_str().unwrap_or(""))?;
    match command["cmd"].as_str() {
        Some("encrypt") => {
            let body = ece::encrypt(&octets(&command, "p256dh")?, &octets(&command, "auth")?, &data)?;
            Ok(json!({"event": "encrypted", "data": STANDARD.encode(body)}))
        }
        Some("decrypt") => {
            let keys = EcKeyComponents::new(octets(&command, "secret")?, octets(&command, "p256dh")?);
            let plain = ece::decrypt(&keys, &octets(&command, "auth")?, &data)?;
            Ok(json!({"event": "decrypted", "data": STANDARD.encode(plain)}))
        }
        other => Err(format!("no command {other:?}").into()),
    }
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let event = obey(&line?).unwrap_or_else(|err| json!({"event": "failed", "message": err.to_string()}));
        writeln!(out, "{event}")?;
        out.flush()?;
    }
    Ok(())
}
