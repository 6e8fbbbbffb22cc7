using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// The member <c>msg</c> of a request (DESIGN section 3), every form checked, nothing believed: only a verified message says who wrote it.
/// </summary>
public sealed class Message
{
    /// <summary>The value that fires an event key: it is reserved, and stands alone in its message.</summary>
    public const string Fire = "fire";

    /// <summary>The name of <see cref="GatewaysAfter"/> in <c>args</c>.</summary>
    public const string GatewaysAfterArg = "gateways_after";

    /// <summary>The name of <see cref="AsksForBase"/> in <c>args</c>.</summary>
    public const string BaseArg = "base";

    /// <summary>The name after which a page begins, in <c>args</c> of <c>get_domains</c>.</summary>
    public const string AfterArg = "after";

    internal Message() { }

    public required string Command { get; init; }

    /// <summary>Always an object when present; 1 to 64 members for <c>set_policy</c>.</summary>
    public JsonValue? Args { get; init; }

    /// <summary>Absent only in an unsigned <c>get_status</c>.</summary>
    public Nonce? Nonce { get; init; }

    /// <summary>Unix seconds by the sender's clock; absent only in an unsigned <c>get_status</c>.</summary>
    public long? Timestamp { get; init; }

    /// <summary>Unix seconds; the message ends at min(this, timestamp + 300), inclusive.</summary>
    public long? Expires { get; init; }

    /// <summary>Names of domains, at least one, distinct; null means all of them.</summary>
    public IReadOnlyList<string>? Audience { get; init; }

    /// <summary>32 lower-case hex digits.</summary>
    public string? System { get; init; }

    /// <summary>Class to 64 lower-case hex digits: the values the sender built upon.</summary>
    public IReadOnlyDictionary<string, string>? Base { get; init; }

    /// <summary>At most 1,024 code points, none a control character.</summary>
    public string? Reason { get; init; }

    public ChangeMode Mode { get; init; }

    /// <summary>The parsed <c>msg</c> as it stood.</summary>
    public required JsonValue Document { get; init; }

    /// <summary>JCS (RFC 8785) of <c>msg</c>: exactly the bytes that are signed.</summary>
    public required ReadOnlyMemory<byte> Canonical { get; init; }

    /// <summary>What <c>ledger_key</c> states; null for every other command.</summary>
    public LedgerKeyStatement? KeyStatement =>
        Command == Commands.LedgerKey && LedgerKeyStatement.TryRead(Args, out var statement, out _) ? statement : null;

    /// <summary>What <c>domain_key</c> states; null for every other command.</summary>
    public DomainKeyStatement? DomainKey =>
        Command == Commands.DomainKey && DomainKeyStatement.TryRead(Args, out var statement, out _) ? statement : null;

    /// <summary>What <c>checkpoint</c> offers; null for every other command.</summary>
    public CheckpointOffer? Offer =>
        Command == Commands.Checkpoint && CheckpointOffer.TryRead(Args, out var offer, out _) ? offer : null;

    /// <summary>Whether all that it asks for is that one event happens.</summary>
    public bool Fires =>
        Command == Commands.SetPolicy && Args is { Members: [var only] } && only.Value.TryGetString(out var value) && value == Fire;

    /// <summary>What <c>deliver</c> brings; null for every other command.</summary>
    public DeliveryOffer? Delivery =>
        Command == Commands.Deliver && DeliveryOffer.TryRead(Args, out var offer, out _) ? offer : null;

    /// <summary>What <c>report</c> says; null for every other command.</summary>
    public InForceStatement? InForce =>
        Command == Commands.Report && InForceStatement.TryRead(Args, out var statement, out _) ? statement : null;

    /// <summary>What <c>get_report</c> asks for; null for every other command.</summary>
    public ReportQuestion? ReportQuestion =>
        Command == Commands.GetReport && ReportQuestion.TryRead(Args, out var question) ? question : null;

    /// <summary>True for <c>get_status</c> that asks for confidential values.</summary>
    public bool AsksToReveal =>
        Command == Commands.GetStatus && Args is not null && Args.TryGet("reveal", out var reveal) && reveal.AsBoolean;

    /// <summary>True for <c>get_status</c> that asks for the hashes which a change builds upon, and for nothing else.</summary>
    public bool AsksForBase =>
        Command == Commands.GetStatus && Args is not null && Args.TryGet(BaseArg, out var isAsked) && isAsked.AsBoolean;

    /// <summary>For <c>get_status</c> that asks for the next gateways alone: the name after which they begin; null for every other.</summary>
    public string? GatewaysAfter =>
        Command == Commands.GetStatus && Args is not null && Args.TryGet(GatewaysAfterArg, out var name) ? name.AsString : null;
}
