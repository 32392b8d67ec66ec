-- SPDX-License-Identifier: BSD-2-Clause
--
-- SA_Stor and SA_Retr (docs/protocol.md) for Wireshark and tshark. README.md says how to load it.
--
-- Theory of operation. A layout is the list of the fields of one picture of the document, in its
-- order; making it registers the fields, read() decodes it. decode{} says for each payload what
-- its body is, places{} where a payload may stand. A cursor never reads beyond its end: what does not
-- fit becomes "undecoded" with an expert info, and everything read after that is nil. A new field is
-- a line in a layout, a new payload an entry in payload_names, places and decode.
--
-- Octets that are keys, or may be (fragments, what is not understood), are shown only with the
-- preference baton.show_keys: dissections are pasted into tickets.

local baton = Proto("baton", "SA_Stor and SA_Retr (IPsec failover)")
baton.prefs.show_keys = Pref.bool("Show keys", false,
	"Show key material, fragments and undecoded octets instead of their length")

local PORT = 4520
local HEADER_SIZE = 28
local MESSAGE_MAX = 65000
local FRAGMENTS_MAX = 192
local UNFINISHED_MAX = 1024 -- messages of which fragments are kept

-- ---- names of values ---------------------------------------------------------------------------

local exchange_names = {
	[240] = "SA_Stor", [241] = "SA_Retr", [242] = "SA_INSTALL", [243] = "SA_REMOVE",
	[244] = "SA_ARM", [245] = "SA_REKEY",
}
local payload_names = {
	[0] = "none", [33] = "SA", [35] = "IDi", [36] = "IDr", [41] = "N", [42] = "D", [44] = "TSi",
	[45] = "TSr", [47] = "CP", [128] = "SESSION", [129] = "CHILD", [130] = "KEYMAT",
	[131] = "COUNTERS", [132] = "ENDPOINT", [133] = "LIFETIME", [134] = "POLICY",
	[135] = "MESSAGE", [136] = "LEASE", [137] = "CURSOR", [138] = "LOCAL", [139] = "FRAGMENT",
	[140] = "DIGEST", [141] = "MEMBER",
}
local IDI, IDR = 35, 36

-- A payload may stand in these places only, and so often: {at least, at most}. docs/protocol.md:
-- "Inner payloads" of SESSION and CHILD, Maxima.
local places = {
	message = {
		IDi = {0, 1}, IDr = {0, 1}, N = {0, 64}, SESSION = {0, 512}, COUNTERS = {0, 512},
		D = {0, 512}, LEASE = {0, 512}, CURSOR = {0, 1}, DIGEST = {0, 1}, FRAGMENT = {0, 1},
		MEMBER = {0, 16},
	},
	SESSION = {
		LEASE = {1, 1}, ENDPOINT = {2, 10}, IDi = {1, 2}, IDr = {1, 1}, SA = {1, 1},
		KEYMAT = {1, 1}, COUNTERS = {1, 1}, MESSAGE = {0, 1}, LIFETIME = {0, 1}, N = {0, 8},
		CP = {0, 1}, LOCAL = {0, 1}, CHILD = {0, 8},
	},
	CHILD = {
		SA = {1, 1}, KEYMAT = {1, 1}, TSi = {1, 1}, TSr = {1, 1}, POLICY = {0, 24},
		LIFETIME = {0, 1}, COUNTERS = {1, 1}, LOCAL = {0, 1},
	},
}

local status_names = {
	[0] = "OK", "TRUNCATED", "LENGTH", "VERSION", "EXCHANGE", "CRITICAL", "VALUE", "MISSING",
	"DUPLICATE", "LIMIT", "NOSPACE", "STALE_OWNER", "STALE_VERSION", "NOT_FOUND", "SPI_COLLISION",
	"NOT_PEER", "FULL", "DELETED", "SYSTEM", "BUSY", "UNREACHABLE", "CONFIG", "STALE",
	"SPI_RANGE",
}
local protocol_names = {[0] = "none", "IKE", "AH", "ESP"}
local id_names = {
	[0] = "none", [1] = "ID_IPV4_ADDR", [2] = "ID_FQDN", [3] = "ID_RFC822_ADDR",
	[5] = "ID_IPV6_ADDR", [9] = "ID_DER_ASN1_DN", [10] = "ID_DER_ASN1_GN", [11] = "ID_KEY_ID",
	[12] = "ID_FC_NAME", [13] = "ID_NULL", [249] = "EAP identity",
}
local notify_names = {
	-- of a SESSION: what was exchanged when the IKE SA was set up
	[16384] = "INITIAL_CONTACT", [16387] = "IPCOMP_SUPPORTED", [16391] = "USE_TRANSPORT_MODE",
	[16394] = "ESP_TFC_PADDING_NOT_SUPPORTED", [16395] = "NON_FIRST_FRAGMENTS_ALSO",
	[16396] = "MOBIKE_SUPPORTED", [16399] = "NO_ADDITIONAL_ADDRESSES",
	[16403] = "REDIRECT_SUPPORTED", [16404] = "AUTH_LIFETIME",
	[16406] = "CHILDLESS_IKEV2_SUPPORTED", [16408] = "QUICK_CRASH_DETECTION",
	[16417] = "EAP_ONLY_AUTHENTICATION",
	[16419] = "IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED", [16420] = "IKEV2_MESSAGE_ID_SYNC_SUPPORTED",
	[16430] = "IKEV2_FRAGMENTATION_SUPPORTED", [16431] = "SIGNATURE_HASH_ALGORITHMS",
	[16435] = "USE_PPK", [16438] = "INTERMEDIATE_EXCHANGE_SUPPORTED",
	-- of this protocol
	[40960] = "HELLO", [40961] = "SYNCED", [40962] = "CLAIM", [40963] = "BY_SPI",
	[40964] = "ERROR", [40965] = "PING", [40966] = "ADOPT", [40967] = "CONFIRM",
	[40968] = "FRESH", [40969] = "CONTACT", [40970] = "TICK", [40971] = "SHARE",
	[40972] = "FOLLOW", [40973] = "DIGEST", [40974] = "LIST", [40975] = "OFFER",
	[40976] = "AT", [40977] = "BY_ADDRESS", [40978] = "MEMBERS",
	[40979] = "FORWARD",
}
local role_names = {"local", "remote", "extra"}
local ip_names = {[4] = "IPv4", [6] = "IPv6"}
local key_names = {
	"SK_d", "SK_ai", "SK_ar", "SK_ei", "SK_er", "SK_pi", "SK_pr",
	[16] = "encryption, initiator to responder", [17] = "encryption, responder to initiator",
	[18] = "integrity, initiator to responder", [19] = "integrity, responder to initiator",
}
local counters_names = {"CHILD SA", "IKE SA"}
local mode_names = {"transport", "tunnel", "BEET"}
local action_names = {"PROTECT", "BYPASS", "DISCARD"}
local message_names = {"last response"}
local ts_names = {[7] = "TS_IPV4_ADDR_RANGE", [8] = "TS_IPV6_ADDR_RANGE"}
local upper_names = {
	[0] = "any", [1] = "ICMP", [4] = "IPv4", [6] = "TCP", [17] = "UDP", [41] = "IPv6",
	[47] = "GRE", [58] = "ICMPv6", [89] = "OSPF", [115] = "L2TP", [132] = "SCTP",
}
local cfg_names = {"CFG_REQUEST", "CFG_REPLY", "CFG_SET", "CFG_ACK"}
local cp_names = {
	[1] = "INTERNAL_IP4_ADDRESS", [2] = "INTERNAL_IP4_NETMASK", [3] = "INTERNAL_IP4_DNS",
	[4] = "INTERNAL_IP4_NBNS", [6] = "INTERNAL_IP4_DHCP", [7] = "APPLICATION_VERSION",
	[8] = "INTERNAL_IP6_ADDRESS", [10] = "INTERNAL_IP6_DNS", [12] = "INTERNAL_IP6_DHCP",
	[13] = "INTERNAL_IP4_SUBNET", [14] = "SUPPORTED_ATTRIBUTES", [15] = "INTERNAL_IP6_SUBNET",
	[25] = "INTERNAL_DNS_DOMAIN", [26] = "INTERNAL_DNSSEC_TA", [20] = "P_CSCF_IP4_ADDRESS",
	[21] = "P_CSCF_IP6_ADDRESS",
}
local implementation_names = {"strongSwan"}
local local_names = {
	"configuration name", "extensions", "conditions", "reqid", "mark inbound", "mark outbound",
	"interface ID inbound", "interface ID outbound",
}
local transform_names = {
	"ENCR", "PRF", "INTEG", "KE", "ESN", "ADDKE1", "ADDKE2", "ADDKE3", "ADDKE4", "ADDKE5", "ADDKE6", "ADDKE7",
}
local attribute_names = {[14] = "Key Length"}
local encr_names = {
	[3] = "3DES", [11] = "NULL", [12] = "AES_CBC", [13] = "AES_CTR", [14] = "AES_CCM_8",
	[15] = "AES_CCM_12", [16] = "AES_CCM_16", [18] = "AES_GCM_8", [19] = "AES_GCM_12",
	[20] = "AES_GCM_16", [21] = "NULL_AUTH_AES_GMAC", [23] = "CAMELLIA_CBC",
	[28] = "CHACHA20_POLY1305", [29] = "AES_CCM_8_IIV", [30] = "AES_GCM_16_IIV",
	[31] = "CHACHA20_POLY1305_IIV",
}
local prf_names = {
	"HMAC_MD5", "HMAC_SHA1", [4] = "AES128_XCBC", [5] = "HMAC_SHA2_256", [6] = "HMAC_SHA2_384",
	[7] = "HMAC_SHA2_512", [8] = "AES128_CMAC",
}
local integ_names = {
	[0] = "NONE", [1] = "HMAC_MD5_96", [2] = "HMAC_SHA1_96", [5] = "AES_XCBC_96",
	[7] = "HMAC_SHA1_160", [8] = "AES_CMAC_96", [9] = "AES_128_GMAC", [10] = "AES_192_GMAC",
	[11] = "AES_256_GMAC", [12] = "HMAC_SHA2_256_128", [13] = "HMAC_SHA2_384_192",
	[14] = "HMAC_SHA2_512_256",
}
local ke_names = {
	[0] = "NONE", [2] = "MODP_1024", [5] = "MODP_1536", [14] = "MODP_2048", [15] = "MODP_3072",
	[16] = "MODP_4096", [17] = "MODP_6144", [18] = "MODP_8192", [19] = "ECP_256",
	[20] = "ECP_384", [21] = "ECP_521", [27] = "BRAINPOOL_P224R1", [28] = "BRAINPOOL_P256R1",
	[29] = "BRAINPOOL_P384R1", [30] = "BRAINPOOL_P512R1", [31] = "CURVE25519", [32] = "CURVE448",
	[35] = "ML_KEM_512", [36] = "ML_KEM_768", [37] = "ML_KEM_1024",
}
local esn_names = {[0] = "32 bits", [1] = "extended (64 bits)"}

-- ---- fields ------------------------------------------------------------------------------------

local registered = {} -- by filter name

-- One field. Two of the same filter name are one, so that baton.spi_i finds an SPI wherever it stands.
local function field(kind, abbr, ...)
	if not registered[abbr] then
		registered[abbr] = ProtoField[kind](abbr, ...)
	end
	return registered[abbr]
end

-- Entries of layouts. A name with "baton." is a filter name; others get that of the layout before.
-- more.any: values without a name are no fault.
local function number(kind, size, display)
	return function(name, title, names, more)
		return function(prefix)
			local abbr = name:find("^baton%.") and name or prefix .. "." .. name
			return {
				key = abbr:match("[^.]*$"), title = title, size = size, names = names,
				any = more and more.any,
				pf = field(kind, abbr, title, display, names),
			}
		end
	end
end
local u8, u16, u32 = number("uint8", 1, base.DEC), number("uint16", 2, base.DEC), number("uint32", 4, base.DEC)
local u64 = number("uint64", 8, base.DEC)
local hex32, hex64 = number("uint32", 4, base.HEX), number("uint64", 8, base.HEX)

local function octets(name, title, size)
	return function(prefix)
		return {key = name, title = title, size = size, bytes = true,
			pf = field("bytes", prefix .. "." .. name, title)}
	end
end

local function reserved(size)
	return function(prefix)
		return {key = "reserved", title = "Reserved", size = size, reserved = true,
			pf = field("bytes", prefix .. ".reserved", "Reserved")}
	end
end

-- Bits of a number of `size` octets: {mask, name, title} is a flag, {mask, name, title, names} a number
-- (names may be an empty table). Bits that no entry has are shown as reserved.
local function bits(name, title, size, list)
	return function(prefix)
		local abbr = name:find("^baton%.") and name or prefix .. "." .. name
		local kind, width = "uint" .. size * 8, size * 8
		local all, parts = 0, {}
		for _, part in ipairs(list) do
			local mask, sub, text, names = part[1], abbr .. "." .. part[2], part[3], part[4]
			all = all + mask
			parts[#parts + 1] = names and
				field(kind, sub, text, base.DEC, next(names) and names or nil, mask) or
				field("bool", sub, text, width, nil, mask)
		end
		local rest = 2 ^ width - 1 - all
		if rest > 0 then
			-- Lua 5.4 wants an integer: the text of the number is one in every version
			parts[#parts + 1] = field(kind, abbr .. ".reserved", "Reserved", base.HEX, nil,
				tonumber(string.format("%d", rest)))
		end
		return {key = abbr:match("[^.]*$"), title = title, size = size, bits = parts,
			pf = field(kind, abbr, title, base.HEX)}
	end
end

local function layout(prefix, entries)
	local made = {prefix = prefix}
	for i, entry in ipairs(entries) do
		made[i] = entry("baton." .. prefix)
	end
	return made
end

-- A subtree: a field without value.
local function branch(name, title)
	return field("none", "baton." .. name, title)
end

-- Octets that are shown only with show_keys. As a field without value they do not get into PDML either.
local function secret(name, title)
	return {title = title, pf = field("bytes", "baton." .. name, title),
		hidden = field("none", "baton." .. name .. "_hidden", title)}
end

local spi_i = hex64("baton.spi_i", "IKE SPI of the initiator")
local spi_r = hex64("baton.spi_r", "IKE SPI of the responder")
local epoch = u32("baton.epoch", "Epoch")
local version = u64("baton.version", "Version")

local undecoded = secret("undecoded", "Undecoded octets")
local unknown_payload = branch("unknown", "Unknown payload")
local reassembled_branch = branch("reassembled", "Whole message")
local reassembled_in = field("framenum", "baton.reassembled_in", "Whole message in", base.NONE, frametype.NONE)

local function ike_header(prefix, exchange, payloads, first, second)
	return layout(prefix, {
		hex64("spi_i", first), hex64("spi_r", second),
		u8("next_payload", "Next Payload", payloads, {any = true}),
		bits("ike_version", "Version", 1, {{0xf0, "major", "Major version", {}}, {0x0f, "minor", "Minor version", {}}}),
		u8("exchange", "Exchange Type", exchange, {any = true}),
		bits("flags", "Flags", 1, {{0x20, "response", "Response"}, {0x08, "initiator", "Initiator"}}),
		u32("message_id", "Message ID"), u32("length", "Length"),
	})
end

local header = ike_header("header", exchange_names, payload_names,
	"Boot ID of the requester", "Boot ID of the responder")

local payload_header = layout("payload", {
	u8("next", "Next Payload", payload_names, {any = true}),
	bits("critical_octet", "Critical", 1, {{0x80, "critical", "Critical bit"}}),
	u16("length", "Payload Length"),
})

-- An identity: the head, and the data by type.
local function identity(prefix, title)
	return {
		head = layout(prefix, {u8("type", title .. " Type", id_names, {any = true}), reserved(3)}),
		data = {
			[1] = {size = 4, title = title, pf = field("ipv4", "baton." .. prefix .. ".ipv4", title)},
			[5] = {size = 16, title = title, pf = field("ipv6", "baton." .. prefix .. ".ipv6", title)},
			[2] = {title = title, text = true, pf = field("string", "baton." .. prefix .. ".fqdn", title)},
			[3] = {title = title, text = true, pf = field("string", "baton." .. prefix .. ".email", title)},
			[249] = {title = title, text = true, pf = field("string", "baton." .. prefix .. ".eap", title)},
		},
		other = {title = title, bytes = true, pf = field("bytes", "baton." .. prefix .. ".data", title)},
	}
end
local ids = {[IDI] = identity("idi", "ID"), [IDR] = identity("idr", "ID")}

local notify = {
	head = layout("n", {
		u8("protocol", "Protocol ID", protocol_names), u8("spi_size", "SPI Size"),
		u16("type", "Notify Message Type", notify_names, {any = true}),
	}),
	spi = {
		[4] = layout("n", {hex32("spi", "Inbound SPI")}),
		[8] = layout("n", {hex64("ike_spi", "IKE SPI")}),
		[16] = layout("n", {spi_i, spi_r}),
	},
	offer = layout("offer", {spi_i, spi_r}),
	at = {
		[4] = {size = 4, title = "Address", pf = field("ipv4", "baton.at.ipv4", "Address")},
		[16] = {size = 16, title = "Address", pf = field("ipv6", "baton.at.ipv6", "Address")},
	},
	other = {title = "SPI", bytes = true, pf = field("bytes", "baton.n.other_spi", "SPI")},
	packet = {title = "Packet", bytes = true, pf = field("bytes", "baton.n.packet", "Packet")},
	data_of_others = {title = "Data", bytes = true, pf = field("bytes", "baton.n.data", "Data")},
	-- by type; those with a name and no entry have none
	data = {
		[40964] = layout("error", {u16("status", "Status", status_names)}),
		[40969] = layout("contact", {
			u32("hold", "Hold, in milliseconds"), u8("stores", "Stores"), u8("rank", "Rank"), u16("flags", "Flags"),
			hex64("tick", "Tick"),
		}),
		[40970] = layout("tick", {hex64("tick", "Tick")}),
		[40971] = layout("share", {u16("index", "Index"), u16("of", "Of"), u16("count", "Count")}),
		[40974] = layout("list", {u8("bucket", "Bucket")}),
	},
}

local session = layout("session", {
	spi_i, spi_r, u8("inner_next", "Inner Next", payload_names, {any = true}),
	bits("flags", "Flags", 1, {
		{0x01, "initiator", "INITIATOR"}, {0x02, "nat_local", "NAT_LOCAL"},
		{0x04, "nat_remote", "NAT_REMOTE"}, {0x08, "encap_forced", "ENCAP_FORCED"},
		{0x10, "rekeyed", "REKEYED"}, {0x20, "ike_only", "IKE_ONLY"},
		{0x40, "moved", "MOVED"},
	}),
	reserved(2),
})

local rank_bits = {}
for rank = 1, 8 do
	rank_bits[rank] = {math.floor(2 ^ (rank - 1)), "rank" .. rank, "Rank " .. rank}
end
local lease = {
	head = layout("lease", {
		u16("status", "Status", status_names), u8("stores", "Stores"), bits("ranks", "Ranks", 1, rank_bits),
		epoch, version, spi_i, spi_r,
	}),
	owner = identity("lease.owner", "Owner"),
}

local member_states = {[1] = "current", [2] = "gone", [3] = "drained"}
local member = {
	head = layout("member", {u8("state", "State", member_states), reserved(3), u32("sessions", "Sessions")}),
	id = identity("member.id", "Server ID"),
}

local endpoint = {
	head = layout("endpoint", {
		u8("role", "Role", role_names), u8("ip_version", "IP Version", ip_names), u16("port", "UDP Port"),
	}),
	address = {
		[4] = {size = 4, title = "Address", pf = field("ipv4", "baton.endpoint.ipv4", "Address")},
		[6] = {size = 16, title = "Address", pf = field("ipv6", "baton.endpoint.ipv6", "Address")},
	},
	other = {title = "Address", bytes = true, pf = field("bytes", "baton.endpoint.octets", "Address")},
}

local proposal_branch = branch("sa.proposal", "Proposal")
local transform_branch = branch("sa.transform", "Transform")
local proposal = layout("sa.proposal", {
	u8("last", "Last Substruc"), reserved(1), u16("length", "Proposal Length"), u8("number", "Proposal Num"),
	u8("protocol", "Protocol ID", protocol_names), u8("spi_size", "SPI Size"), u8("transforms", "Num Transforms"),
})
local proposal_spi = {title = "SPI", bytes = true, pf = field("bytes", "baton.sa.proposal.spi", "SPI")}
local transform = {
	head = layout("sa.transform", {
		u8("last", "Last Substruc"), reserved(1), u16("length", "Transform Length"),
		u8("type", "Transform Type", transform_names, {any = true}),
		reserved(1),
	}),
	id = {
		layout("sa", {u16("encr", "Transform ID", encr_names, {any = true})}),
		layout("sa", {u16("prf", "Transform ID", prf_names, {any = true})}),
		layout("sa", {u16("integ", "Transform ID", integ_names, {any = true})}),
		layout("sa", {u16("ke", "Transform ID", ke_names, {any = true})}),
		layout("sa", {u16("esn", "Transform ID", esn_names, {any = true})}),
	},
	other = layout("sa", {u16("transform_id", "Transform ID")}),
	-- RFC 9370: ADDKE1 to ADDKE7 have the numbers of KE
	additional = layout("sa", {u16("additional_ke", "Transform ID", ke_names, {any = true})}),
	attribute = layout("sa.attribute", {
		bits("kind", "Attribute Type", 2, {{0x8000, "af", "AF"}, {0x7fff, "type", "Type", attribute_names}}),
	}),
	key_length = layout("sa.attribute", {u16("key_length", "Key Length, in bits")}),
	value = layout("sa.attribute", {u16("value", "Attribute Value")}),
	long = layout("sa.attribute", {u16("length", "Attribute Length")}),
	long_value = {title = "Attribute Value", bytes = true,
		pf = field("bytes", "baton.sa.attribute.octets", "Attribute Value")},
}

local key_branch = branch("keymat.entry", "Key")
local keymat = layout("keymat", {u8("kind", "Kind", key_names), reserved(1), u16("length", "Key Length")})
local key = secret("keymat.key", "Key")

local entry_branch = branch("counters.entry", "Entry")
local counters = {
	size = 64,
	head = layout("counters", {
		u8("kind", "Kind", counters_names), u8("protocol", "Protocol ID", protocol_names), reserved(2),
		epoch, spi_i, spi_r,
	}),
	kind = {
		layout("counters", {
			hex32("spi", "Inbound SPI"), reserved(4), u64("out_sequence", "Out Sequence"),
			u64("out_lease", "Out Lease"), u64("in_sequence", "In Sequence"), u64("in_limit", "In Limit"),
		}),
		layout("counters", {
			u32("message_id_in", "Message ID In"), u32("message_id_out", "Message ID Out"), reserved(32),
		}),
	},
}

local lifetime = layout("lifetime", {
	u32("rekey", "Seconds until rekey"), u32("reauth", "Seconds until reauthentication"),
	u32("expiry", "Seconds until the end"),
})

local attribute_branch = branch("cp.attribute", "Attribute")
local cp = {
	head = layout("cp", {u8("type", "CFG Type", cfg_names), reserved(3)}),
	attribute = layout("cp.attribute", {
		bits("kind", "Attribute Type", 2, {{0x8000, "r", "Reserved bit"}, {0x7fff, "type", "Type", cp_names}}),
		u16("length", "Length"),
	}),
	ipv4 = {size = 4, title = "Address", pf = field("ipv4", "baton.cp.ipv4", "Address")},
	ipv6 = {size = 16, title = "Address", pf = field("ipv6", "baton.cp.ipv6", "Address")},
	netmask = {size = 4, title = "Netmask", pf = field("ipv4", "baton.cp.netmask", "Netmask")},
	prefix = {size = 1, title = "Prefix length", pf = field("uint8", "baton.cp.prefix", "Prefix length")},
	text = {title = "Value", text = true, pf = field("string", "baton.cp.text", "Value")},
	other = {title = "Value", bytes = true, pf = field("bytes", "baton.cp.value", "Value")},
}
-- what the value of an attribute is made of; without an entry: octets
local cp_values = {
	[1] = {cp.ipv4}, [2] = {cp.netmask}, [3] = {cp.ipv4}, [4] = {cp.ipv4}, [6] = {cp.ipv4}, [7] = {cp.text},
	[8] = {cp.ipv6, cp.prefix}, [10] = {cp.ipv6}, [12] = {cp.ipv6}, [13] = {cp.ipv4, cp.netmask},
	[15] = {cp.ipv6, cp.prefix}, [20] = {cp.ipv4}, [21] = {cp.ipv6}, [25] = {cp.text},
}

local local_branch = branch("local.attribute", "Attribute")
local local_attributes = {
	head = layout("local", {u16("implementation", "Implementation", implementation_names, {any = true})}),
	attribute = layout("local.attribute", {
		u16("type", "Attribute Type", local_names, {any = true}), u16("length", "Attribute Length"),
	}),
	-- of another implementation
	foreign = layout("local.attribute", {u16("foreign_type", "Attribute Type"), u16("length", "Attribute Length")}),
	name = {title = "Value", text = true, pf = field("string", "baton.local.name", "Value")},
	number = {size = 4, title = "Value", pf = field("uint32", "baton.local.value", "Value", base.HEX)},
	other = {title = "Value", bytes = true, pf = field("bytes", "baton.local.octets", "Value")},
}
local LOCAL_NAME, STRONGSWAN = 1, 1

local child = layout("child", {
	u8("inner_next", "Inner Next", payload_names, {any = true}), u8("protocol", "Protocol ID", protocol_names),
	u8("mode", "Mode", mode_names),
	bits("flags", "Flags", 1, {
		{0x01, "initiator", "INITIATOR"}, {0x02, "esn", "ESN"}, {0x04, "encap", "ENCAP"},
		{0x08, "no_replay", "NO_REPLAY"}, {0x10, "rekeyed", "REKEYED"},
		{0x20, "pending", "PENDING"},
	}),
	hex32("inbound_spi", "Inbound SPI"), hex32("outbound_spi", "Outbound SPI"),
	u32("replay_window", "Replay window, in packets"),
})

-- A Traffic Selector.
local function selector(prefix, title)
	local address = function(kind, which, text)
		return {size = kind == "ipv4" and 4 or 16, title = text,
			pf = field(kind, "baton." .. prefix .. "." .. which .. "_" .. kind, text)}
	end
	local both = function(kind)
		return {address(kind, "start", "Starting Address"), address(kind, "end", "Ending Address")}
	end
	return {
		title = title, pf = branch(prefix .. ".selector", title),
		head = layout(prefix, {
			u8("type", "TS Type", ts_names), u8("protocol", "IP Protocol ID", upper_names, {any = true}),
			u16("length", "Selector Length"), u16("start_port", "Start Port"), u16("end_port", "End Port"),
		}),
		addresses = {[7] = both("ipv4"), [8] = both("ipv6")},
		sizes = {[7] = 16, [8] = 40},
	}
end
local policy = {
	head = layout("policy", {
		bits("directions", "Directions", 1, {{0x01, "in", "in"}, {0x02, "out", "out"}, {0x04, "forward", "forwarded in"}}),
		u8("action", "Action", action_names), reserved(2), u32("priority", "Priority"),
	}),
	selectors = {selector("policy.local", "local Traffic Selector"), selector("policy.remote", "remote Traffic Selector")},
}
local function selectors(prefix)
	return {
		head = layout(prefix, {u8("count", "Number of TSs"), reserved(3)}),
		selector = selector(prefix, "Traffic Selector"),
	}
end
local tsi, tsr = selectors("tsi"), selectors("tsr")

local delete_branch = branch("d.entry", "Entry")
local delete = {
	head = layout("d", {
		u8("protocol", "Protocol ID", protocol_names), u8("spi_size", "SPI Size"), u16("count", "Num of SPIs"),
	}),
	entry = layout("d", {spi_i, spi_r, epoch, version}),
	size = 28,
}

local cursor_layout = layout("cursor", {u64("position", "Position"), u32("max_bytes", "Max Bytes")})

local fragment = layout("fragment", {
	u16("number", "Fragment Number"), u16("total", "Total Fragments"), u32("message_length", "Message Length"),
	u32("offset", "Offset"), hex32("tag", "Tag"),
})
local piece = secret("fragment.piece", "Piece")

local ike_branch = branch("message.ike", "IKE message")
local message = {
	head = layout("message", {
		u8("kind", "Kind", message_names), reserved(3), u32("id", "Message ID"),
		octets("request_hash", "Request Hash", 32),
	}),
	ike = ike_header("message.ike",
		{[34] = "IKE_SA_INIT", [35] = "IKE_AUTH", [36] = "CREATE_CHILD_SA", [37] = "INFORMATIONAL"},
		{[0] = "none", [46] = "SK", [53] = "SKF"}, "Initiator's SPI", "Responder's SPI"),
	payloads = {title = "Payloads", bytes = true, pf = field("bytes", "baton.message.ike.payloads", "Payloads")},
}

local digest = {buckets = 256, layout = layout("digest", {hex64("bucket", "Bucket")})}

-- the subtree of each payload: "baton.session" finds messages with a SESSION
local payload_branches = {}
for type, name in pairs(payload_names) do
	payload_branches[type] = type > 0 and branch(name:lower(), name) or nil
end

local fields = {}
for _, pf in pairs(registered) do
	fields[#fields + 1] = pf
end
baton.fields = fields

local E = {
	truncated = ProtoExpert.new("baton.expert.truncated", "Truncated", expert.group.MALFORMED, expert.severity.ERROR),
	length = ProtoExpert.new("baton.expert.length", "Wrong length", expert.group.MALFORMED, expert.severity.ERROR),
	version = ProtoExpert.new("baton.expert.version", "Not IKEv2", expert.group.MALFORMED, expert.severity.ERROR),
	value = ProtoExpert.new("baton.expert.value", "Value without a meaning", expert.group.PROTOCOL, expert.severity.WARN),
	unknown = ProtoExpert.new("baton.expert.unknown", "Unknown payload", expert.group.UNDECODED, expert.severity.WARN),
	critical = ProtoExpert.new("baton.expert.critical", "Critical bit", expert.group.PROTOCOL, expert.severity.WARN),
	missing = ProtoExpert.new("baton.expert.missing", "Payload missing", expert.group.PROTOCOL, expert.severity.WARN),
	limit = ProtoExpert.new("baton.expert.limit", "More than the maximum", expert.group.PROTOCOL, expert.severity.WARN),
	undecoded = ProtoExpert.new("baton.expert.undecoded", "Undecoded octets",
		expert.group.UNDECODED, expert.severity.WARN),
	reserved = ProtoExpert.new("baton.expert.reserved", "Reserved and not 0", expert.group.PROTOCOL, expert.severity.NOTE),
	fragment = ProtoExpert.new("baton.expert.fragment", "Fragment refused", expert.group.REASSEMBLE, expert.severity.WARN),
	cut = ProtoExpert.new("baton.expert.cut", "Cut by the capture", expert.group.UNDECODED, expert.severity.NOTE),
}
local experts = {}
for _, e in pairs(E) do
	experts[#experts + 1] = e
end
baton.experts = experts

-- ---- cursors -----------------------------------------------------------------------------------

-- Octets pos to stop of buf, shown in tree.
local function cursor(buf, pos, stop, tree)
	return {buf = buf, pos = pos, stop = stop, tree = tree}
end

local function left(c)
	return c.stop - c.pos
end

local function complain(c, what, text)
	c.tree:add_proto_expert_info(E[what], text)
end

local function show_secret(c, f, size)
	local range = c.buf(c.pos, size)
	c.pos = c.pos + size
	if baton.prefs.show_keys then
		c.tree:add(f.pf, range)
	else
		c.tree:add(f.hidden, range):set_text(string.format("%s: hidden, %d octets", f.title, size))
	end
end

-- What nothing was made of. Called at the end of everything that has a length.
local function rest(c, text)
	if left(c) > 0 then
		complain(c, "undecoded", string.format("%s (%d)", text or "octets after the content", left(c)))
		show_secret(c, undecoded, left(c))
	end
end

-- Everything read after this is nil.
local function fail(c, what, text)
	complain(c, what, text)
	rest(c, "undecoded octets")
end

local function has_nonzero(range)
	local bytes = range:bytes()
	for i = 0, bytes:len() - 1 do
		if bytes:get_index(i) ~= 0 then
			return true
		end
	end
	return false
end

-- The next field, of f.size octets or the given number. Its value, or nil when it is not there.
local function take(c, f, size)
	size = size or f.size
	if left(c) < size then
		if not c.failed then
			c.failed = true
			fail(c, "truncated", string.format("%s: %d octets of %d", f.title, left(c), size))
		end
		return nil
	elseif c.failed then
		return nil
	elseif size == 0 then
		return nil
	end

	local range = c.buf(c.pos, size)
	c.pos = c.pos + size
	if f.text then
		c.tree:add_packet_field(f.pf, range, ENC_UTF_8 + ENC_STRING)
		return range:string()
	end
	local item, value = c.tree:add(f.pf, range), nil
	if f.reserved then
		if has_nonzero(range) then
			item:add_proto_expert_info(E.reserved)
		end
	elseif f.bits then
		for _, part in ipairs(f.bits) do
			item:add(part, range)
		end
		value = range:uint()
	elseif not f.bytes and size <= 4 then
		value = range:uint()
	elseif not f.bytes and size == 8 then
		value = range:uint64()
	end
	if f.names and not f.any and not f.names[value] then
		item:add_proto_expert_info(E.value, string.format("%s: %d has no meaning", f.title, value))
	end
	return value, item, range
end

-- All fields of a layout: their values by name. Those that were not there are nil.
local function read(c, fields_of)
	local values = {}
	for _, f in ipairs(fields_of) do
		values[f.key] = take(c, f)
	end
	return values
end

-- A cursor over the next `size` octets, in a subtree pf of its own where one is given; c goes on after
-- them. A size that c has not is a fault, and what there is taken.
local function sub(c, size, pf, title)
	if size > left(c) then
		complain(c, "truncated", string.format("%s: %d octets of %d", title, left(c), size))
		size = left(c)
	end
	local tree = pf and size > 0 and c.tree:add(pf, c.buf(c.pos, size)) or c.tree
	local inner = cursor(c.buf, c.pos, c.pos + size, tree)
	inner.item = tree
	c.pos = c.pos + size
	return inner
end

local function peek(c, offset, size)
	return left(c) >= offset + size and c.buf(c.pos + offset, size):uint() or nil
end

local function name_of(names, value)
	return value and (names[value] or tostring(value)) or "?"
end

-- ---- bodies of payloads ------------------------------------------------------------------------

-- Each takes a cursor over the body and what stands around it, and returns what is to be said of it
-- in the payload's line, if anything, and whether that belongs into the packet list.
local decode = {}

-- The rest of c is one field, of a size it may say.
local function take_rest(c, f, other)
	if f and f.size and f.size ~= left(c) then
		if not c.failed then
			complain(c, "length", string.format("%s: %d octets instead of %d", f.title, left(c), f.size))
		end
		f = other
	end
	f = f or other
	if left(c) == 0 then
		return nil
	end
	local range = c.buf(c.pos, left(c))
	local text = take(c, f, left(c))
	if f.text then
		return text
	elseif f.bytes then
		return tostring(range:bytes())
	end
	return tostring(f.size == 4 and range:ipv4() or range:ipv6())
end

local function take_identity(c, id)
	local head = read(c, id.head)
	return head.type and take_rest(c, id.data[head.type], id.other) or nil
end

function decode.IDi(c)
	return take_identity(c, ids[IDI]), true
end

function decode.IDr(c)
	return take_identity(c, ids[IDR]), true
end

function decode.N(c)
	local head = read(c, notify.head)
	if not head.type then
		return nil
	end
	if head.spi_size > 0 then
		local spi = notify.spi[head.spi_size]
		if spi then
			read(c, spi)
		else
			take(c, notify.other, head.spi_size)
		end
	end
	if notify.data[head.type] then
		read(c, notify.data[head.type])
	elseif head.type == 40975 then
		while left(c) > 0 and read(c, notify.offer).spi_r do end
	elseif head.type == 40976 or head.type == 40977 then
		take_rest(c, notify.at[left(c)], notify.data_of_others)
	elseif head.type == 40979 then
		take_rest(c, notify.packet)
	elseif not notify_names[head.type] then
		take_rest(c, notify.data_of_others)
	end
	return name_of(notify_names, head.type), true
end

local chain -- below

function decode.SESSION(c)
	local s = read(c, session)
	if s.inner_next then
		chain(c, s.inner_next, "SESSION")
	end
	return s.spi_r and string.format("%s %s", s.spi_i:tohex(), s.spi_r:tohex()) or nil
end

function decode.LEASE(c)
	local l = read(c, lease.head)
	local owner = take_identity(c, lease.owner)
	return string.format("%s, owner %s", name_of(status_names, l.status), owner or "none")
end

function decode.MEMBER(c)
	local m = read(c, member.head)
	local id = take_identity(c, member.id)
	return string.format("%s %s, %s sessions", id or "?", name_of(member_states, m.state), m.sessions or "?")
end

function decode.ENDPOINT(c)
	local e = read(c, endpoint.head)
	local text = e.port and take_rest(c, endpoint.address[e.ip_version], endpoint.other)
	return string.format("%s %s, port %s", name_of(role_names, e.role), text or "?", e.port or "?")
end

local function take_attribute(c)
	local kind = read(c, transform.attribute).kind
	if not kind then
		return nil
	elseif kind < 0x8000 then
		local length = read(c, transform.long).length
		if length then
			take(c, transform.long_value, length)
		end
		return nil
	elseif kind % 0x8000 == 14 then
		return read(c, transform.key_length).key_length
	end
	read(c, transform.value)
	return nil
end

local function take_transform(c)
	local t = sub(c, math.max(peek(c, 2, 2) or left(c), 4), transform_branch, "transform")
	local head = read(t, transform.head)
	local type = head.type
	if not type then
		return "?"
	end
	local layout_of_id = transform.id[type] or transform_names[type] and transform.additional or transform.other
	local names = layout_of_id[1].names or {}
	local id = read(t, layout_of_id)[layout_of_id[1].key]
	local text = name_of(names, id)
	while left(t) > 0 do
		local bits_of_key = take_attribute(t)
		text = bits_of_key and string.format("%s-%d", text, bits_of_key) or text
	end
	t.item:append_text(string.format(": %s %s", name_of(transform_names, type), text))
	return text
end

function decode.SA(c)
	local suite = {}
	while left(c) > 0 do
		local p = sub(c, math.max(peek(c, 2, 2) or left(c), 4), proposal_branch, "proposal")
		local head = read(p, proposal)
		if head.spi_size and head.spi_size > 0 then
			take(p, proposal_spi, head.spi_size)
		end
		for _ = 1, head.transforms or 0 do
			if left(p) == 0 then
				complain(p, "missing", "fewer transforms than Num Transforms")
				break
			end
			suite[#suite + 1] = take_transform(p)
		end
		rest(p)
	end
	return table.concat(suite, "/")
end

function decode.KEYMAT(c)
	while left(c) > 0 do
		local k = sub(c, 4 + (peek(c, 2, 2) or 0), key_branch, "key")
		local head = read(k, keymat)
		k.item:append_text(": " .. name_of(key_names, head.kind))
		if left(k) > 0 then
			show_secret(k, key, left(k))
		elseif head.length == 0 then
			complain(k, "value", "a key without octets")
		end
	end
end

function decode.COUNTERS(c)
	local count = 0
	while left(c) > 0 do
		local e = sub(c, counters.size, entry_branch, "entry")
		local head = read(e, counters.head)
		e.item:append_text(": " .. name_of(counters_names, head.kind))
		if head.spi_r and counters.kind[head.kind] then
			read(e, counters.kind[head.kind])
		end
		rest(e)
		count = count + 1
	end
	return count .. (count == 1 and " entry" or " entries")
end

function decode.LIFETIME(c)
	read(c, lifetime)
end

function decode.CP(c)
	read(c, cp.head)
	while left(c) > 0 do
		local a = sub(c, 4 + (peek(c, 2, 2) or 0), attribute_branch, "attribute")
		local kind = read(a, cp.attribute).kind
		local parts = kind and cp_values[kind % 0x8000]
		if kind then
			a.item:append_text(": " .. name_of(cp_names, kind % 0x8000))
		end
		if parts and #parts > 1 then
			for _, part in ipairs(parts) do
				take(a, part)
			end
			rest(a)
		else
			take_rest(a, parts and parts[1], cp.other)
		end
	end
end

function decode.LOCAL(c)
	local implementation = read(c, local_attributes.head).implementation
	local ours = implementation == STRONGSWAN
	while left(c) > 0 do
		local a = sub(c, 4 + (peek(c, 2, 2) or 0), local_branch, "attribute")
		local type = read(a, ours and local_attributes.attribute or local_attributes.foreign).type
		local value = local_attributes.other
		if ours and type == LOCAL_NAME then
			value = local_attributes.name
		elseif ours and local_names[type] then
			value = local_attributes.number
		end
		a.item:append_text(ours and ": " .. name_of(local_names, type) or "")
		take_rest(a, value, local_attributes.other)
	end
	return name_of(implementation_names, implementation)
end

function decode.CHILD(c)
	local s = read(c, child)
	if s.replay_window then
		chain(c, s.inner_next, "CHILD")
	end
	return s.outbound_spi and string.format("%s in %08x, out %08x", name_of(protocol_names, s.protocol),
		s.inbound_spi, s.outbound_spi) or nil
end

local function take_selector(c, ts)
	local length = peek(c, 2, 2) or left(c)
	local s = sub(c, math.max(length, 4), ts.pf, ts.title)
	local head = read(s, ts.head)
	local addresses = head.end_port and ts.addresses[head.type]
	if addresses then
		if head.length ~= ts.sizes[head.type] then
			complain(s, "length", "Selector Length is not that of the TS Type")
		end
		take(s, addresses[1])
		take(s, addresses[2])
	end
	rest(s)
end

function decode.POLICY(c)
	local p = read(c, policy.head)
	if p.priority then
		for _, ts in ipairs(policy.selectors) do
			take_selector(c, ts)
		end
	end
	return name_of(action_names, p.action)
end

local function take_selectors(c, which)
	local count = read(c, which.head).count
	for _ = 1, count or 0 do
		if left(c) == 0 then
			complain(c, "missing", "fewer selectors than Number of TSs")
			break
		end
		take_selector(c, which.selector)
	end
end

function decode.TSi(c)
	take_selectors(c, tsi)
end

function decode.TSr(c)
	take_selectors(c, tsr)
end

function decode.D(c)
	local head = read(c, delete.head)
	if head.spi_size and head.spi_size ~= delete.size then
		fail(c, "value", "SPI Size is not 28")
		return nil
	end
	for _ = 1, head.count or 0 do
		if left(c) == 0 then
			complain(c, "missing", "fewer entries than Num of SPIs")
			break
		end
		local e = sub(c, delete.size, delete_branch, "entry")
		read(e, delete.entry)
	end
	return head.count and string.format("%d", head.count) or nil
end

function decode.CURSOR(c)
	local at = read(c, cursor_layout)
	return at.position and tostring(at.position) or nil, false
end

function decode.MESSAGE(c)
	if not read(c, message.head).id then
		return
	end
	while left(c) > 0 do
		local m = sub(c, math.max(peek(c, 24, 4) or left(c), HEADER_SIZE), ike_branch, "IKE message")
		read(m, message.ike)
		if left(m) > 0 then
			take(m, message.payloads, left(m))
		end
	end
end

function decode.DIGEST(c)
	for bucket = 0, digest.buckets - 1 do
		local value, item = take(c, digest.layout[1])
		if not value then
			break
		end
		item:prepend_text(string.format("%02x ", bucket))
	end
end

-- ---- fragments ---------------------------------------------------------------------------------

local unfinished, unfinished_count, whole, whole_in, refused

function baton.init()
	unfinished, unfinished_count = {}, 0
	whole = {}    -- by frame: the message that its fragment completes
	whole_in = {} -- by frame: the frame that completes its message
	refused = {}  -- by frame: why the fragment was
end

-- nil, or what is wrong with a fragment that says f and has size octets.
local function fragment_fault(f, size)
	local last = f.number == f.total
	local each = last and f.offset / math.max(f.total - 1, 1) or size
	if f.total < 2 or f.total > FRAGMENTS_MAX or f.message_length > MESSAGE_MAX then
		return "beyond the maxima"
	elseif f.number < 1 or f.number > f.total then
		return "Fragment Number is not from 1 to Total Fragments"
	elseif each < HEADER_SIZE or each % 1 ~= 0 or f.offset ~= (f.number - 1) * each then
		return "Offset does not fit the size of the pieces"
	elseif size < 1 or size > each or (f.total - 1) * each >= f.message_length or
		f.message_length > f.total * each or last and f.offset + size ~= f.message_length then
		return "Message Length does not fit the pieces"
	end
	return nil
end

-- Keeps a fragment. Its message is whole[frame] when this was the last one missing.
local function keep(around, f, range)
	local id = table.concat({tostring(around.pinfo.src), tostring(around.pinfo.dst), around.pinfo.src_port,
		around.pinfo.dst_port, tostring(around.buf(0, 16):bytes()), tostring(around.buf(18, 6):bytes()),
		f.tag, f.total, f.message_length}, " ")
	local m, frame = unfinished[id], around.pinfo.number
	if not m then
		if unfinished_count >= UNFINISHED_MAX then
			unfinished, unfinished_count = {}, 0
		end
		m = {pieces = {}, have = 0, frames = {}}
		unfinished[id], unfinished_count = m, unfinished_count + 1
	end
	local bytes = range:bytes()
	if m.pieces[f.number] then
		if tostring(m.pieces[f.number]) ~= tostring(bytes) then
			refused[frame] = "repeated with other octets"
		end
		return
	end
	m.pieces[f.number], m.have = bytes, m.have + 1
	m.frames[#m.frames + 1] = frame
	if m.have < f.total then
		return
	end
	local all = ByteArray.new()
	for i = 1, f.total do
		all:append(m.pieces[i])
	end
	unfinished[id], unfinished_count = nil, unfinished_count - 1
	if all:len() ~= f.message_length then
		refused[frame] = "the pieces do not make the message"
		return
	end
	whole[frame] = all
	for _, part in ipairs(m.frames) do
		whole_in[part] = frame
	end
end

function decode.FRAGMENT(c, around)
	local f = read(c, fragment)
	if not f.tag then
		return nil
	end
	local range = left(c) > 0 and c.buf(c.pos, left(c)) or nil
	local fault = fragment_fault(f, left(c))
	if range then
		show_secret(c, piece, left(c))
	end
	local frame = around.pinfo.number
	if around.reassembled or around.cut then
		fault = fault or around.reassembled and "a whole message is not a fragment itself" or nil
	elseif not fault and range and not around.pinfo.visited then
		keep(around, f, range)
	end
	fault = fault or not around.reassembled and refused[frame] or nil
	if fault then
		complain(c, "fragment", fault)
	end
	around.fragment = true
	return string.format("%d of %d", f.number, f.total), true
end

-- ---- chains and messages -----------------------------------------------------------------------

local payload_order = {} -- names, by number: pairs() has no order
for type = 1, 255 do
	payload_order[#payload_order + 1] = payload_names[type]
end

local function count_payloads(c, seen, place)
	for _, name in ipairs(payload_order) do
		local count, often = seen[name] or 0, places[place][name] or {0, 512}
		if count < often[1] then
			complain(c, "missing", string.format("%s: %d of %s, at least %d needed", place, count, name, often[1]))
		elseif count > often[2] then
			complain(c, "limit", string.format("%s: %d of %s, at most %d allowed", place, count, name, often[2]))
		end
	end
end

local function take_payload(c, type, place, around)
	local name = payload_names[type]
	local known = name and places[place][name] and decode[name]
	local length = peek(c, 2, 2)
	local p = sub(c, math.max(length or left(c), 4), known and payload_branches[type] or unknown_payload,
		name or "payload " .. type)
	local head = read(p, payload_header)
	if length and length < 4 then
		complain(p, "length", "Payload Length is below 4")
	end
	if not head.length then
		return nil
	end
	local said, listed
	if known then
		if head.critical_octet >= 0x80 then
			complain(p, "critical", "the critical bit is set in a known payload, and ignored")
		end
		said, listed = decode[name](p, around)
	else
		p.item:append_text(string.format(": type %d (%s)", type, name or "no name"))
		complain(p, "unknown", "a payload that is not known at this place")
		if head.critical_octet >= 0x80 then
			complain(p, "critical", "unknown, and the critical bit is set: the chain is refused")
		end
	end
	rest(p)
	if known and said and said ~= "" then
		p.item:append_text(": " .. said)
	end
	if around then
		local text = name or tostring(type)
		around.list[#around.list + 1] = listed and said and string.format("%s(%s)", text, said) or text
	end
	return head.next, name
end

-- A chain whose first payload is of the given type, to the end of c.
function chain(c, type, place, around)
	local seen = {}
	while type and type ~= 0 do
		if left(c) == 0 then
			complain(c, "truncated", string.format("no octets for the payload %s", name_of(payload_names, type)))
			type = nil
			break
		end
		local next, name = take_payload(c, type, place, around)
		if name then
			seen[name] = (seen[name] or 0) + 1
		end
		type = next
	end
	if type then
		count_payloads(c, seen, place)
	end
	rest(c, "octets after the last payload")
end

-- One message, the whole of buf. Returns its line for the packet list, and whether it was a fragment.
local function dissect(buf, pinfo, tree, reassembled)
	local c = cursor(buf, 0, buf:len(), tree)
	local around = {buf = buf, pinfo = pinfo, list = {}, reassembled = reassembled,
		cut = buf:reported_len() > buf:len()}
	if around.cut then
		complain(c, "cut", string.format("the capture has %d octets of %d", buf:len(), buf:reported_len()))
	end
	local h = read(c, header)
	if not h.length then
		return "truncated"
	end
	local said = string.format("%s %s %d", name_of(exchange_names, h.exchange),
		math.floor(h.flags / 0x20) % 2 == 1 and "response" or "request", h.message_id)
	if not exchange_names[h.exchange] then
		complain(c, "value", string.format("unknown exchange type %d", h.exchange))
	end
	if math.floor(h.ike_version / 16) ~= 2 then
		fail(c, "version", "the major version is not 2")
		return said
	end
	if h.length ~= buf:reported_len() then
		complain(c, "length", string.format("Length is %d, the message has %d octets", h.length, buf:reported_len()))
		c.stop = math.min(c.stop, math.max(h.length, HEADER_SIZE))
	end
	chain(c, h.next_payload, "message", around)
	c.stop = buf:len()
	rest(c, "octets after the message")
	return string.format("%s: %s", said, table.concat(around.list, ", ")), around.fragment
end

function baton.dissector(buf, pinfo, root)
	local tree = root:add(baton, buf())
	pinfo.cols.protocol = "BATON"
	local said, is_fragment = dissect(buf, pinfo, tree, false)
	local frame = pinfo.number
	if is_fragment and whole[frame] then
		local tvb = whole[frame]:tvb("Whole message")
		local of = tree:add(reassembled_branch, tvb())
		said = dissect(tvb, pinfo, of, true) .. " (last fragment)"
	elseif is_fragment and whole_in[frame] then
		tree:add(reassembled_in, whole_in[frame]):set_generated()
	end
	pinfo.cols.info = said
	tree:append_text(", " .. said)
	return buf:len()
end

DissectorTable.get("udp.port"):add(PORT, baton)
