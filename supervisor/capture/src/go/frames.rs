//! Return addresses, told by function, file and line as the runtime tells them.

use super::function::Descriptions;
use super::functions::Function;
use super::strings::Strings;

/// A call on a stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The address of the call itself, which is before the one it returns to.
    pub(super) address: u64,
    /// The compiled function it is in: where that begins in the file.
    pub(super) function: Option<u64>,
    pub(super) name: i64,
    pub(super) file: i64,
    pub(super) line: u32,
    pub(super) start_line: u32,
    /// It was inlined: the call after it is in the same compiled function.
    pub(super) is_inlined: bool,
    /// The runtime, allocating: not what the profile is about.
    pub(super) is_runtime: bool,
    /// Where every goroutine begins.
    pub(super) is_root: bool,
}

/// The code of a process.
pub(super) struct Code<'a> {
    pub(super) descriptions: Descriptions<'a>,
    /// The address of the start of the code of Go.
    pub(super) text: u64,
}

impl Code<'_> {
    /// The call that returns to an address. Of what is not known, all that remains is the address.
    pub(super) fn frame(&self, return_address: u64, strings: &mut Strings) -> Frame {
        let address = return_address.wrapping_sub(1);
        let unknown = Frame { address, ..Frame::default() };
        let Some((function, code)) = self.function(return_address) else { return unknown };
        let code = if code > function.entry { code - 1 } else { code };
        let Some(call) = self.descriptions.call(function, code) else { return unknown };
        let name = self.descriptions.name(call.name).unwrap_or_default();
        let (file, line) = self.descriptions.place(function, code).unwrap_or_default();
        Frame {
            address,
            function: Some(function.at),
            name: strings.number(&name),
            file: strings.number(&file),
            line,
            start_line: call.start_line,
            is_inlined: call.parent.is_some(),
            is_runtime: self.is_runtime(return_address),
            is_root: name == "runtime.goexit",
        }
    }

    /// The return addresses of the calls in which the last one of a stack was inlined: stacks are cut after so many
    /// calls, be it between two that are one in the code.
    pub(super) fn cut_off(&self, return_address: u64) -> Vec<u64> {
        const DEEPEST: usize = 64;
        let Some((function, mut code)) = self.function(return_address.wrapping_sub(1)) else { return Vec::new() };
        let mut outer = Vec::new();
        while outer.len() < DEEPEST {
            let call = self.descriptions.call(function, code);
            let Some(parent) = call.and_then(|call| call.parent) else { break };
            code = function.entry.wrapping_add(parent);
            outer.push(self.text.wrapping_add(u64::from(code) + 1));
        }
        outer
    }

    /// As the runtime decides it: by the instruction that is returned to, not by the call.
    fn is_runtime(&self, address: u64) -> bool {
        let call = self.function(address).and_then(|(function, code)| self.descriptions.call(function, code));
        let name = call.and_then(|call| self.descriptions.name(call.name)).unwrap_or_default();
        let has_internal = self.descriptions.version.has_internal_packages;
        name.starts_with("runtime.") || has_internal && name.starts_with("internal/runtime/")
    }

    fn function(&self, address: u64) -> Option<(Function, u32)> {
        let code = u32::try_from(address.checked_sub(self.text)?).ok()?;
        Some((self.descriptions.functions.at_code(code)?, code))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::tests::blocks;
    use super::super::sample::{self, TEXT};
    use super::*;

    /// Name, file and line of a call, its first line, and whether it was inlined.
    fn told(return_address: u64) -> (String, String, u32, u32, bool) {
        let file = blocks(&sample::image());
        let mut strings = Strings::new();
        let frame = sample::code(&file).unwrap().frame(return_address, &mut strings);
        let text = |number: i64| strings.all().nth(number as usize).unwrap().to_owned();
        (text(frame.name), text(frame.file), frame.line, frame.start_line, frame.is_inlined)
    }

    fn as_told(
        name: &str,
        file: &str,
        line: u32,
        start_line: u32,
        is_inlined: bool,
    ) -> (String, String, u32, u32, bool) {
        (name.to_owned(), file.to_owned(), line, start_line, is_inlined)
    }

    #[test]
    fn the_call_before_the_return_address_is_told() {
        assert_eq!(told(TEXT + 0x110), as_told("main.leak", "main.go", 21, 20, false));
        assert_eq!(told(TEXT + 0x111), as_told("main.small", "small.go", 7, 5, true));
        assert_eq!(told(TEXT + 0x130), as_told("main.smaller", "small.go", 9, 8, true));
        assert_eq!(told(TEXT + 0x140), as_told("runtime.goexit", "malloc.go", 50, 20, false));
    }

    #[test]
    fn what_is_not_in_the_tables_is_unknown() {
        for address in [0, TEXT - 1, TEXT + 0x180, u64::MAX] {
            assert_eq!(told(address), as_told("", "", 0, 0, false), "{address:#x}");
        }
    }

    #[test]
    fn the_runtime_and_the_root_are_known() {
        let file = blocks(&sample::image());
        let (code, mut strings) = (sample::code(&file).unwrap(), Strings::new());
        let frame = |at: u64| code.frame(TEXT + at, &mut strings);
        assert!(matches!(
            [0x20, 0x120, 0x150].map(frame).map(|frame| (frame.is_runtime, frame.is_root)),
            [(true, false), (false, false), (true, true)]
        ));
    }

    #[test]
    fn calls_that_were_cut_off_are_those_it_was_inlined_in() {
        let file = blocks(&sample::image());
        let code = sample::code(&file).unwrap();
        assert_eq!(code.cut_off(TEXT + 0x125), [TEXT + 0x111, TEXT + 0x110]);
        assert_eq!(code.cut_off(TEXT + 0x115), [TEXT + 0x110]);
        assert_eq!(code.cut_off(TEXT + 0x105), [0_u64; 0]);
    }
}
