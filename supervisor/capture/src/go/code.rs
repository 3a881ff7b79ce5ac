//! Which variables a piece of code refers to, without a disassembler: the few instructions that Go uses for that are
//! told by their bytes.

use super::bytes::u32_in;
use super::elf::Machine;

/// The addresses of variables that code at an address refers to, in the order of the code. Where instructions have no
/// fixed length, there can be others among them.
pub(super) fn references(machine: Machine, code: &[u8], address: u64) -> Vec<u64> {
    match machine {
        Machine::Amd64 => amd64(code, address),
        Machine::Arm64 => arm64(code, address),
        Machine::Other => Vec::new(),
    }
}

/// `MOV` from and `LEA` of an address relative to that of the next instruction.
fn amd64(code: &[u8], address: u64) -> Vec<u64> {
    const LONG: usize = 6;
    let at = |place: usize| {
        let is_reference = matches!(code[place], 0x8b | 0x8d) && code[place + 1] & 0xc7 == 0x05;
        let distance = i64::from(u32_in(code, place + 2).cast_signed());
        let next = address.wrapping_add((place + LONG) as u64);
        is_reference.then(|| next.wrapping_add_signed(distance))
    };
    (0..code.len().saturating_sub(LONG - 1)).filter_map(at).collect()
}

/// `ADRP`, which gives the page, and right after it the instruction that adds the rest.
fn arm64(code: &[u8], address: u64) -> Vec<u64> {
    let words: Vec<u32> = code.chunks_exact(4).map(|word| u32_in(word, 0)).collect();
    let at = |(place, pair): (usize, &[u32])| {
        let [page, rest] = [pair[0], pair[1]];
        let same_register = page & 0x1f == rest >> 5 & 0x1f;
        let is_page = page & 0x9f00_0000 == 0x9000_0000;
        let pages = i64::from(((page >> 5 & 0x7_ffff) << 13 | (page >> 29 & 3) << 11).cast_signed() >> 11);
        let base = (address.wrapping_add(4 * place as u64) & !0xfff).wrapping_add_signed(pages << 12);
        let within = u64::from(rest >> 10 & 0xfff) << scale(rest)?;
        (is_page && same_register).then(|| base.wrapping_add(within))
    };
    words.windows(2).enumerate().filter_map(at).collect()
}

/// What the offset of `LDR` or `ADD` is counted in, as a shift.
fn scale(instruction: u32) -> Option<u32> {
    match instruction & 0xffc0_0000 {
        0xf940_0000 => Some(3),
        0xb940_0000 => Some(2),
        0x9100_0000 => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_and_addresses_of_amd64_are_seen() {
        // From Go 1.27: MOVQ runtime.mbuckets(SB), AX; SHLQ $4, CX; LEAQ runtime.mProfCycle(SB), DX
        let code = b"\x90\x48\x8b\x05\x6a\xb0\x60\x00\x48\xc1\xe1\x04\x48\x8d\x15\x56\xdd\x62\x00";
        assert_eq!(references(Machine::Amd64, code, 0x44_5636), [0x44_563e + 0x60_b06a, 0x44_5649 + 0x62_dd56]);
        assert_eq!(references(Machine::Amd64, &code[..6], 0x44_5636), [0_u64; 0]);
        assert_eq!(references(Machine::Other, code, 0), [0_u64; 0]);
    }

    #[test]
    fn pages_and_what_is_added_to_them_are_seen_on_arm64() {
        // From Go 1.27: mcache0 and MemProfileRate in runtime.profilealloc, then mbuckets in runtime.mProf_FlushLocked.
        let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
        let code = words(&[0xb000_2f5b, 0xf945_5363, 0xd503_201f, 0x9000_2bbb, 0xf943_f364]);
        assert_eq!(references(Machine::Arm64, &code, 0x2_cb88), [0x61_5aa0, 0x5a_07e0]);
        let code = words(&[0xf000_2cc2, 0x911c_a042]);
        assert_eq!(references(Machine::Arm64, &code, 0x5_16bc), [0x5e_c728]);
        // A page behind: 4 KiB back from here.
        let code = words(&[0xf0ff_ffe0, 0x9100_4000]);
        assert_eq!(references(Machine::Arm64, &code, 0x5_16bc), [0x5_0010]);
    }
}
