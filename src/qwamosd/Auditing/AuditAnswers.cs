using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Auditing;

/// <summary>
/// What auditors ask: the newest checkpoint, proofs, and the leaves. A leaf never holds a confidential envelope, so all of it may be seen.
/// </summary>
/// <param name="ledger">The ledger.</param>
/// <param name="checkpoints">Its checkpoints.</param>
/// <param name="cosignatures">The witnesses' lines under a tree, each with its newline, and how many more may come soon.</param>
/// <param name="leavesDom0">Whether a confidential change is for a domain that the courier serves.</param>
internal sealed class AuditAnswers(LedgerStore ledger, Checkpoints checkpoints, Func<Checkpoint, (string Lines, int Awaited)> cosignatures, Func<Message, bool> leavesDom0) : IReadSource
{
    private readonly LedgerTree _tree = new(ledger);

    public bool Serves(string command) => command is Commands.GetCheckpoint or Commands.GetEntries or Commands.GetProof or Commands.GetConsistency or Commands.GetEnvelope;

    public bool TryRead(
        Message message,
        [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members,
        [NotNullWhen(false)] out Refusal? refusal)
    {
        string? fault = null;
        refusal = null;
        try
        {
            members = message.Command switch
            {
                Commands.GetEntries => Page(Number(message, "from"), Number(message, "skip"), out fault),
                Commands.GetProof => message.Args!.TryGet("size", out _) ? Path(Number(message, "index"), Number(message, "size"), out fault) : Proof(Number(message, "index"), out fault),
                Commands.GetEnvelope => Envelope(Number(message, "index"), Number(message, "skip"), out fault),
                Commands.GetConsistency => Consistency(Number(message, "old"), Number(message, "new"), out fault),
                _ => Checkpoint(checkpoints.Newest()),
            };
            refusal = members is null ? new Refusal(ErrorCode.BadRequest, fault!) : null;
        }
        catch (IOException e) when (e is LedgerIntegrityException or LedgerBrokenException)
        {
            members = null;
            refusal = new Refusal(ErrorCode.StorageError, e.Message.TrimEnd('.'));
        }
        return members is not null;
    }

    private (string, JsonValue)[] Checkpoint(SignedTree newest)
    {
        (string lines, int awaited) = cosignatures(newest.Checkpoint);
        return
        [
            ("checkpoint", JsonValue.Of(newest.Note + lines)),
            ("key", JsonValue.Of(checkpoints.Key.ToString())),
            ("cosignatures_awaited", JsonValue.Of(awaited)),
            .. checkpoints.Statement is { } statement ? [("key_statement", statement.ToJson())] : Array.Empty<(string, JsonValue)>(),
        ];
    }

    /// <summary>Bytes of the leaves' stream; none at the ledger's end.</summary>
    private List<(string, JsonValue)>? Page(long from, long skip, out string? fault)
    {
        var page = new ArrayBufferWriter<byte>(Limits.MaxLeafPageBytes);
        fault = $"skip is beyond the end of entry {from}";
        for (long index = from; page.WrittenCount - skip < Limits.MaxLeafPageBytes && ledger.Read(index) is { } row; index++)
        {
            EntryBundle.Append(page, row.Leaf);
            if (skip > page.WrittenCount)
                return null;
        }
        ReadOnlySpan<byte> bytes = page.WrittenCount > skip ? page.WrittenSpan[(int)skip..] : [];
        bytes = bytes[..Math.Min(bytes.Length, Limits.MaxLeafPageBytes)];
        return [("from", JsonValue.Of(from)), ("skip", JsonValue.Of(skip)), ("leaves", JsonValue.Of(Convert.ToBase64String(bytes)))];
    }

    private List<(string, JsonValue)>? Proof(long index, out string? fault)
    {
        SignedTree newest = checkpoints.Newest();
        fault = $"there is no entry {index}: the ledger has {newest.Size}";
        return index < newest.Size
            ? [("index", JsonValue.Of(index)), ("path", Hashes(_tree.InclusionProof(index, newest.Size))), .. Checkpoint(newest)]
            : null;
    }

    /// <summary>The path alone, in an older tree: for who proves several entries under one checkpoint.</summary>
    private List<(string, JsonValue)>? Path(long index, long size, out string? fault)
    {
        fault = size > ledger.Size ? $"there is no tree of {size} entries: the ledger has {ledger.Size}" : $"there is no entry {index} in a tree of {size}";
        return index < size && size <= ledger.Size
            ? [("index", JsonValue.Of(index)), ("size", JsonValue.Of(size)), ("path", Hashes(_tree.InclusionProof(index, size)))]
            : null;
    }

    /// <summary>Only the courier comes so far.</summary>
    private List<(string, JsonValue)>? Envelope(long index, long skip, out string? fault)
    {
        byte[]? envelope = ledger.ReadEntry(index) is MessageEntry { IsConfidential: true } entry && leavesDom0(entry.Message) ? entry.Envelope.Raw.ToArray() : null;
        fault = envelope is null ? $"entry {index} is no confidential change for a domain of domains.json" : $"skip is beyond the end of the envelope of entry {index}";
        return envelope is not null && skip <= envelope.Length
            ? [("index", JsonValue.Of(index)), ("length", JsonValue.Of(envelope.Length)), ("envelope", JsonValue.Of(Convert.ToBase64String(envelope.AsSpan((int)skip, (int)Math.Min(envelope.Length - skip, Limits.MaxLeafPageBytes)))))]
            : null;
    }

    private List<(string, JsonValue)>? Consistency(long old, long @new, out string? fault)
    {
        // No new checkpoint for it: every client that asks would make the next one's tree another again.
        long size = ledger.Size;
        fault = old > @new ? "old is greater than new" : $"there is no tree of {@new} entries: the ledger has {size}";
        return old <= @new && @new <= size
            ? [("old", JsonValue.Of(old)), ("new", JsonValue.Of(@new)), ("proof", Hashes(_tree.ConsistencyProof(old, @new)))]
            : null;
    }

    private static JsonValue Hashes(IEnumerable<byte[]> hashes) => JsonValue.Array(hashes.Select(Convert.ToBase64String));

    private static long Number(Message message, string name) =>
        message.Args!.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : 0;
}
