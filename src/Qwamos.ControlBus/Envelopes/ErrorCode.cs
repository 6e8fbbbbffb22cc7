using System.Collections.Frozen;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// Why a request was refused: the closed list of the wire's <c>code</c>, in the order of the checks. The last four have no place in the order.
/// The zero value is a refusal and is never sent: code that forgets to decide has decided "no".
/// </summary>
public enum ErrorCode
{
    Refused = 0,
    TooLarge,
    BadJson,
    BadRequest,
    NotSupported,
    UnknownCommand,
    Stale,
    FromFuture,
    Expired,
    WrongSystem,
    WrongAudience,
    UnknownKey,
    BadSignature,
    NotAuthorised,
    DirectDisabled,
    Replayed,
    BaseMismatch,
    Fork,
    Unproven,
    Superseded,
    InvalidPolicy,
    MixedDomains,
    Busy,
    ReplayStoreFull,
    StorageFull,
    StorageError,
}

/// <summary>The one table of names on the wire and of what a person can do about each.</summary>
public static class ErrorCodes
{
    private static readonly (ErrorCode Code, string Name, string Mend)[] Table =
    [
        (ErrorCode.TooLarge, "too_large", "Send a request of at most 61,440 bytes; split the change."),
        (ErrorCode.BadJson, "bad_json", "Send one I-JSON object: no duplicate members, no byte order mark, valid UTF-8, depth at most 16."),
        (ErrorCode.BadRequest, "bad_request", "Correct the member that the reason names; docs/formats/envelope.md gives each form."),
        (ErrorCode.NotSupported, "not_supported", "Use mode auto or staged."),
        (ErrorCode.UnknownCommand, "unknown_command", "Look at --socket: a gateway serves other commands than qwamosd; a newer client may need a newer daemon."),
        (ErrorCode.Stale, "stale", "Sign and send again; if it comes back, set the sender's clock."),
        (ErrorCode.FromFuture, "from_future", "Set the clocks of sender and receiver, then sign again."),
        (ErrorCode.Expired, "expired", "Sign again, with a later expiry or none."),
        (ErrorCode.WrongSystem, "wrong_system", "Sign for this system's ID, which `qwamosctl status` shows as system."),
        (ErrorCode.WrongAudience, "wrong_audience", "Name only domains that exist and whose class has a key in the change, or leave audience out."),
        (ErrorCode.UnknownKey, "unknown_key", "Sign with an active key; `qwamosctl status` shows its ID as key ID."),
        (ErrorCode.BadSignature, "bad_signature", "Sign with the enrolled key; `qwamosctl key show` shows yours, the daemon's log shows its own, in the line that begins with `key`."),
        (ErrorCode.NotAuthorised, "not_authorised", "Have the holders whom `missing` names sign it too: `qwamosctl set --out FILE`, `qwamosctl sign FILE`, `qwamosctl send FILE`; `qwamosctl can KEY VALUE` says who may."),
        (ErrorCode.DirectDisabled, "direct_disabled", "Send it to Dom0's qwamosd, which delivers it; or name exactly this domain in audience."),
        (ErrorCode.Replayed, "replayed", "Nothing to do when outcome is accepted; else sign a new message with a new nonce."),
        (ErrorCode.BaseMismatch, "base_mismatch", "Read the status, look at what changed, and sign again with the new base."),
        (ErrorCode.Fork, "fork", "Keep the evidence in /var/lib/qwamos-gateway/evidence, stop signing changes, and compare both checkpoints with an export."),
        (ErrorCode.Unproven, "unproven", "Compare `qwamosctl status` with `gateway-policyd status`: put the newest ledger back when an older one is in its place."),
        (ErrorCode.Superseded, "superseded", "Set the sender's clock if it is behind, then sign again."),
        (ErrorCode.InvalidPolicy, "invalid_policy", "Correct every key that faults names."),
        (ErrorCode.MixedDomains, "mixed_domains", "Send confidential keys in a message of their own; `qwamosctl apply` splits."),
        (ErrorCode.Busy, "busy", "Wait a second and send the same request again."),
        (ErrorCode.ReplayStoreFull, "replay_store_full", "Wait ten minutes for old nonces to expire, then send again; look for what sends so much."),
        (ErrorCode.StorageFull, "storage_full", "Free space on the disk of /var/lib/qwamos, then send the same request again."),
        (ErrorCode.StorageError, "storage_error", "Check the disk; the outcome is unknown: read the status after the daemon has restarted."),
    ];

    private static readonly FrozenDictionary<ErrorCode, (string Name, string Mend)> ByCode =
        Table.ToFrozenDictionary(row => row.Code, row => (row.Name, row.Mend));

    private static readonly FrozenDictionary<string, ErrorCode> ByName =
        Table.ToFrozenDictionary(row => row.Name, row => row.Code, StringComparer.Ordinal);

    /// <summary>Every code that can be sent, in the order of the checks.</summary>
    public static IReadOnlyList<ErrorCode> All { get; } = [.. Table.Select(row => row.Code)];

    /// <summary>The code as the wire has it, such as <c>bad_signature</c>; <c>refused</c> for the zero value.</summary>
    public static string Name(ErrorCode code) => ByCode.TryGetValue(code, out var row) ? row.Name : "refused";

    /// <summary>One sentence that says how to mend it.</summary>
    public static string Mend(ErrorCode code) => ByCode.TryGetValue(code, out var row) ? row.Mend : "Look into the daemon's log.";

    /// <summary>The code with that name; false for a name that is not in the list.</summary>
    public static bool TryParse(string name, out ErrorCode code) => ByName.TryGetValue(name, out code);
}
