//! Which machines a call may go to: the whole internet, and of the networks behind it only what the operator names.
//!
//! An address in a directory is typed by people, and a name is resolved by somebody else's server. Neither may lead a
//! call to a machine of the house that nobody meant: a metadata service, a database, a printer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges of IPv4 that are not the public internet (IANA registry of special-purpose addresses), with what they are.
const V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "shared by a carrier"),
    ([127, 0, 0, 0], 8, "this machine"),
    ([168, 63, 129, 16], 32, "a cloud's metadata"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "reserved"),
    ([192, 0, 2, 0], 24, "documentation"),
    ([192, 31, 196, 0], 24, "reserved"),
    ([192, 52, 193, 0], 24, "reserved"),
    ([192, 88, 99, 0], 24, "6to4"),
    ([192, 168, 0, 0], 16, "private"),
    ([192, 175, 48, 0], 24, "reserved"),
    ([198, 18, 0, 0], 15, "benchmarks"),
    ([198, 51, 100, 0], 24, "documentation"),
    ([203, 0, 113, 0], 24, "documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved"),
];

/// Ranges inside 2000::/3 that are not the public internet. Outside of 2000::/3 nothing is.
const V6: &[([u16; 3], u8, &str)] = &[
    ([0x2001, 0, 0], 23, "reserved or Teredo"),
    ([0x2001, 0xdb8, 0], 32, "documentation"),
    ([0x2002, 0, 0], 16, "6to4"),
    ([0x2620, 0x4f, 0x8000], 48, "reserved"),
    ([0x3fff, 0, 0], 20, "documentation"),
];

/// What an address is when it is not a machine of the public internet; `None` for one that is.
///
/// An IPv4 address inside an IPv6 one (mapped, or behind NAT64) is judged by itself.
pub(super) fn special_use(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

fn of_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let within = |base: &[u8; 4], length: u8| {
        (bits ^ Ipv4Addr::from(*base).to_bits()).leading_zeros() >= u32::from(length)
    };
    V4.iter().find(|(base, length, _)| within(base, *length)).map(|(_, _, what)| *what)
}

fn of_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return of_v4(mapped);
    }
    let parts = address.segments();
    if parts[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return of_v4(Ipv4Addr::from_bits(u32::from(parts[6]) << 16 | u32::from(parts[7])));
    }
    if parts[0] & 0xe000 != 0x2000 {
        return Some(match parts[0] {
            0xfc00..=0xfdff => "private",
            0xfe80..=0xfebf => "link-local",
            0xff00..=0xffff => "multicast",
            _ if address.is_loopback() => "this machine",
            _ => "reserved",
        });
    }
    let bits = address.to_bits();
    let within = |base: &[u16; 3], length: u8| {
        let base = Ipv6Addr::new(base[0], base[1], base[2], 0, 0, 0, 0, 0).to_bits();
        (bits ^ base).leading_zeros() >= u32::from(length)
    };
    V6.iter().find(|(base, length, _)| within(base, *length)).map(|(_, _, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machines_of_the_public_internet_are_reached() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(special_use(inside.parse().unwrap()).is_some(), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2400:cb00::1",
            "2606:4700::1111",
        ] {
            assert_eq!(special_use(outside.parse().unwrap()), None, "{outside}");
        }
    }
}
