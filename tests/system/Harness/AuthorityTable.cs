namespace Qwamos.SystemTests.Harness;

/// <summary>What a key that signs may be.</summary>
internal enum KeyState
{
    /// <summary>Listed in every version.</summary>
    Active,

    /// <summary>A second key of its holder, which the later version lists.</summary>
    Second,

    /// <summary>Listed in the earlier version only.</summary>
    Retired,

    /// <summary>Revoked by the later version from an entry on that lies behind: all that it signed is disowned.</summary>
    RevokedBehind,

    /// <summary>Revoked by the later version from an entry on that is still to come: all that it signed stands.</summary>
    RevokedAhead,

    /// <summary>Never listed.</summary>
    Unknown,

    /// <summary>The key ID of a holder's key, and the signature of another holder's.</summary>
    OfAnotherHolder,
}

/// <summary>A request of the matrix.</summary>
/// <param name="Command">The command.</param>
/// <param name="Args">Canonical JSON, or null for none.</param>
/// <param name="Key">The policy key of a change.</param>
/// <param name="Value">Its value, as JSON.</param>
internal sealed record AuthorityRequest(string Command, string? Args = null, string? Key = null, string? Value = null);

/// <summary>
/// Who may sign what, written out by hand from DESIGN sections 3 and 5 and docs/formats/trust.md: roles with their grants, the keys of the policy, and the one outcome of
/// each request. Nothing of the library is asked.
/// </summary>
internal static class AuthorityTable
{
    public static readonly string[] People = ["alice", "bob", "carol", "dave"];

    /// <summary>Each policy key, its class, and values of it.</summary>
    public static readonly (string Name, string Class, string[] Values)[] PolicyKeys =
    [
        ("RADIO_ISOLATION", "gateway", ["\"on\"", "\"off\""]),
        ("RADIO_HARDENING.level", "gateway", ["\"basic\"", "\"strict\""]),
        ("RADIO_IDLE_TIMEOUT_MIN", "gateway", ["0", "10", "999"]),
        ("TOR_ISOLATION", "gateway", ["\"optional\"", "\"off\"", "\"mandatory\""]),
        ("VPN_KILL_SWITCH", "gateway", ["\"off\"", "\"on\""]),
        ("CLIPBOARD_ISOLATION", "ui", ["\"basic\"", "\"off\"", "\"strict\""]),
        ("DURESS.enabled", "dom0", ["false", "true"]),
        ("DURESS.gesture", "dom0", ["\"none\"", "\"power-volup\"", "\"power-volup-fingerprint\"", "\"triple-power\""]),
        ("GHOST.trigger", "dom0", ["\"disarmed\"", "\"armed\"", "\"fire\""]),
        ("BOOT_VERIFICATION", "dom0", ["\"warn\"", "\"off\"", "\"strict\""]),
        ("KERNEL_HARDENING", "dom0", ["\"default\"", "\"strict\"", "\"paranoid\""]),
        ("CRYPTO_BACKEND", "all", ["\"legacy\"", "\"hybrid\"", "\"post-quantum\""]),
    ];

    /// <summary>The other commands. Those that carry their own signature come here without what they need, and never with one beside them.</summary>
    public static readonly AuthorityRequest[] Commands =
    [
        new("get_status"),
        new("get_status", "{\"reveal\":false}"),
        new("get_status", "{\"reveal\":true}"),
        new("get_checkpoint"),
        new("get_entries", "{\"from\":1000000000,\"skip\":0}"),
        new("get_proof", "{\"index\":0}"),
        new("get_consistency", "{\"new\":0,\"old\":0}"),
        new("get_trust_root"),
        new("get_trust_root", "{\"version\":1}"),
        new("backup"),
        new("get_backup", "{\"name\":\"x\",\"offset\":0}"),
        new("trust_root"),
        new("ledger_key"),
        new("checkpoint"),
        new("frobnicate"),
    ];

    /// <summary>Each role: its holders, and what it is granted. Nobody is granted DURESS.</summary>
    public static readonly (string Role, string[] Holders, string Grants)[] Roles =
    [
        ("root", ["alice", "bob", "carol"], ""),
        ("operator", ["alice", "bob"], """
            "commands":["get_*"],"policy":[{"key":"R*"},{"key":"T*"},{"key":"V*"},{"key":"C*"},{"key":"G*"},{"key":"B*"},{"key":"K*"}]
            """),
        ("arming", ["alice", "bob", "carol"], """ "policy":[{"key":"GHOST.*","values":["armed"]}] """),
        ("kernel", ["bob", "carol", "dave"], """ "policy":[{"key":"KERNEL_HARDENING","values":["strict","paranoid"]}] """),
        ("radio", ["carol", "dave"], """ "policy":[{"key":"RADIO_*"}] """),
        ("timeout", ["bob", "dave"], """ "policy":[{"key":"RADIO_IDLE_TIMEOUT_MIN"}] """),
        ("day", ["bob", "dave"], """ "policy":[{"key":"VPN_KILL_SWITCH"}] """),
        ("night", ["alice"], """ "policy":[{"key":"VPN_KILL_SWITCH"}] """),
        ("keeper", ["carol", "dave"], """ "commands":["backup"] """),
        ("voucher", ["alice", "dave"], """ "commands":["ledger_key"] """),
    ];

    /// <summary>How many of a role's holders must sign: the threshold asked for, or all of them where they are fewer.</summary>
    public static int Threshold(string[] holders, int threshold) => Math.Min(threshold, holders.Length);

    /// <summary>Whether a key in that state is listed.</summary>
    /// <param name="state">The state.</param>
    /// <param name="isLater">Under the later of the two versions.</param>
    public static bool IsListed(KeyState state, bool isLater) => state switch
    {
        KeyState.Active or KeyState.OfAnotherHolder => true,
        KeyState.Second => isLater,
        KeyState.Retired or KeyState.RevokedBehind or KeyState.RevokedAhead => !isLater,
        _ => false,
    };

    /// <summary>The outcome of an unsigned request: ok, or the error's code.</summary>
    public static string Unsigned(AuthorityRequest request, bool isGateway) => request.Command switch
    {
        "get_status" => request.Args == "{\"reveal\":true}" ? "bad_signature" : "ok",
        "get_checkpoint" or "get_trust_root" => "ok",
        "get_entries" or "get_proof" or "get_consistency" => isGateway ? "unknown_command" : "ok",
        "backup" or "get_backup" => isGateway ? "unknown_command" : "bad_signature",
        _ => "bad_request",
    };

    /// <summary>The outcome of a request that holders sign, the first of them with a key in some state.</summary>
    /// <param name="request">The request.</param>
    /// <param name="signers">At least one holder.</param>
    /// <param name="state">What the first one's key is.</param>
    /// <param name="isBare">One signature that names no key.</param>
    /// <param name="isLater">Under the later of the two versions.</param>
    /// <param name="threshold">Of the roles.</param>
    /// <param name="isGateway">At the gateway, whose class is <c>gateway</c>.</param>
    /// <param name="isArmed">Whether GHOST.trigger is armed.</param>
    public static string Signed(AuthorityRequest request, string[] signers, KeyState state, bool isBare, bool isLater, int threshold, bool isGateway, bool isArmed)
    {
        if (request.Command is "trust_root" or "ledger_key" or "checkpoint")
            return "bad_request";
        bool isServed = request.Command is "set_policy" or "get_status" or "get_checkpoint" or "get_trust_root"
            || (!isGateway && request.Command is "get_entries" or "get_proof" or "get_consistency" or "backup" or "get_backup");
        if (!isServed)
            return "unknown_command";
        if (isGateway && request.Key is { } key && PolicyKeys.Single(row => row.Name == key).Class is not ("gateway" or "all"))
            return "wrong_audience";
        if (state == KeyState.OfAnotherHolder)
            return "bad_signature";
        if (!IsListed(state, isLater))
            return isBare ? "bad_signature" : "unknown_key";
        if (request.Command.StartsWith("get_", StringComparison.Ordinal) && request.Command != "get_backup" && request.Args != "{\"reveal\":true}")
            return "ok";
        if (!MaySign(request, signers, threshold))
            return "not_authorised";
        if (request.Command == "get_backup")
            return "bad_request"; // there is none of that name
        return request.Value == "\"fire\"" && !isArmed ? "invalid_policy" : "ok";
    }

    /// <summary>The outcome of a statement about the ledger's key, which one holder signs.</summary>
    public static string Statement(string signer, KeyState state, bool isLater, int threshold)
    {
        if (!IsListed(state, isLater))
            return "unknown_key";
        if (state == KeyState.OfAnotherHolder)
            return "bad_signature";
        return MaySign(new AuthorityRequest("ledger_key"), [signer], threshold) ? "ok" : "not_authorised";
    }

    /// <summary>The outcome of the next version of the trust root, under which the same roles and keys stand as under the one in force.</summary>
    public static string NextRoot(string[] signers, KeyState state, bool isLater, int threshold)
    {
        // A key that is not listed names no holder.
        string[] named = IsListed(state, isLater) ? signers : signers[1..];
        if (named.Intersect(Roles[0].Holders).Count() < Threshold(Roles[0].Holders, threshold))
            return "not_authorised";
        if (state == KeyState.OfAnotherHolder)
            return "bad_signature";
        return IsListed(state, isLater) ? "ok" : "unknown_key";
    }

    private static bool MaySign(AuthorityRequest request, string[] signers, int threshold) =>
        RolesFor(request).Any(name => Roles.Single(role => role.Role == name).Holders is var holders && holders.Intersect(signers).Count() >= Threshold(holders, threshold));

    private static string[] RolesFor(AuthorityRequest request) => (request.Command, request.Key, request.Value) switch
    {
        ("get_status" or "get_backup", _, _) => ["operator"],
        ("backup", _, _) => ["keeper"],
        ("ledger_key", _, _) => ["voucher"],
        (_, "GHOST.trigger", "\"armed\"") => ["arming"],
        (_, "KERNEL_HARDENING", "\"strict\"" or "\"paranoid\"") => ["kernel"],
        (_, "RADIO_IDLE_TIMEOUT_MIN", _) => ["timeout"],
        (_, "RADIO_ISOLATION" or "RADIO_HARDENING.level", _) => ["radio"],
        (_, "VPN_KILL_SWITCH", _) => ["day", "night"],
        (_, "DURESS.enabled" or "DURESS.gesture", _) => [],
        _ => ["operator"],
    };
}
