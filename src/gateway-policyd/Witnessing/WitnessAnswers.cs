using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Gateway.Witnessing;

/// <summary>What the gateway answers about the ledger that it watches. Without a system ID there is no ledger to watch, and it says so.</summary>
/// <param name="witness">Null without a system ID.</param>
/// <param name="root">The trust root in force; null while there is none.</param>
/// <param name="time">The clock.</param>
internal sealed class WitnessAnswers(Witness? witness, Func<TrustRoot?> root, TimeProvider time) : IReadSource
{
    internal const string NoSystem = "this gateway has no system ID yet, and watches no ledger: run gateway-policyd enroll FILE --system HEX";

    public bool Serves(string command) => command is Commands.GetCheckpoint or Commands.Checkpoint or Commands.LedgerKey;

    public bool TryRead(
        Message message,
        [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members,
        [NotNullWhen(false)] out Refusal? refusal)
    {
        members = null;
        if (witness is null)
        {
            refusal = new Refusal(ErrorCode.WrongSystem, NoSystem);
            return false;
        }

        WitnessMemory? memory = witness.Memory;
        refusal = null;
        if (message.Offer is { } offer)
            members = witness.TryTake(offer, out memory, out refusal) ? Taken(memory) : null;
        else if (message.KeyStatement is { } statement)
            members = IsListed(statement, out refusal) && witness.TryTrust(statement, out memory, out refusal) ? Trusted(memory!) : null;
        else
            members = Seen(memory);
        return members is not null;
    }

    /// <summary>Whether no checkpoint came for <see cref="Limits.CheckpointStaleSeconds"/>: what is withheld would not be noticed otherwise (ATTACKS 14).</summary>
    public bool IsStale => witness?.Memory?.Seen is not { } seen || seen.IsStale(time.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>The member <c>witness</c> of status.</summary>
    public JsonValue Status()
    {
        if (witness is null)
            return JsonValue.Object([("fault", JsonValue.Of(NoSystem))]);
        WitnessMemory? memory = witness.Memory;
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        SeenCheckpoint? seen = memory?.Seen;
        return JsonValue.Object(
        [
            ("key", JsonValue.Of(witness.Key.ToString())),
            ("ledger_key", Text(memory?.Key.ToString())),
            ("trust", Text(memory?.Trust)),
            ("size", Number(seen?.Checkpoint.Size)),
            ("root_hash", Text(seen?.Checkpoint.RootHex)),
            ("signed", Number(seen?.SignedSeconds)),
            ("arrived", Number(seen?.ArrivedSeconds)),
            ("age", Number(seen?.AgeSeconds(now))),
            ("stale", JsonValue.Of(IsStale)),
            ("evidence", witness.Evidence.ToJson()),
        ]);
    }

    /// <summary>It was verified when it came; a trust root sent before it may have come into force since.</summary>
    private bool IsListed(LedgerKeyStatement statement, [NotNullWhen(false)] out Refusal? refusal)
    {
        refusal = root() is { } now && now.FindKey(statement.Signer) is null ? new Refusal(ErrorCode.UnknownKey, "the key_id is not that of an active key") : null;
        return refusal is null;
    }

    private IEnumerable<(string, JsonValue)> Taken(WitnessMemory memory) =>
    [
        ("size", JsonValue.Of(memory.Seen!.Checkpoint.Size)),
        ("cosignature", Text(memory.Seen.Cosignature?.ToString())),
        ("witness", JsonValue.Of(witness!.Key.ToString())),
        ("trust", JsonValue.Of(memory.Trust)),
    ];

    private static IEnumerable<(string, JsonValue)> Trusted(WitnessMemory memory) =>
    [
        ("trust", JsonValue.Of(memory.Trust)),
        ("size", JsonValue.Of(memory.Seen?.Checkpoint.Size ?? 0)),
    ];

    private IEnumerable<(string, JsonValue)> Seen(WitnessMemory? memory) =>
    [
        ("checkpoint", Text(memory?.Seen?.Cosigned.ToString())),
        ("key", Text(memory?.Key.ToString())),
        ("trust", Text(memory?.Trust)),
        ("arrived", Number(memory?.Seen?.ArrivedSeconds)),
        ("witness", JsonValue.Of(witness!.Key.ToString())),
    ];

    private static JsonValue Text(string? text) => text is null ? JsonValue.Null : JsonValue.Of(text);

    private static JsonValue Number(long? number) => number is { } value ? JsonValue.Of(value) : JsonValue.Null;
}
