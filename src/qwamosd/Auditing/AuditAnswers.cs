using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Auditing;

/// <summary>What auditors ask: the newest checkpoint, and the leaves. A leaf never holds a confidential envelope, so all of it may be seen.</summary>
internal sealed class AuditAnswers(LedgerStore ledger, Checkpoints checkpoints) : IReadSource
{
    public bool TryRead(
        Message message,
        [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members,
        [NotNullWhen(false)] out Refusal? refusal)
    {
        refusal = null;
        try
        {
            members = message.Command switch
            {
                Commands.GetCheckpoint => [("checkpoint", JsonValue.Of(checkpoints.Newest())), ("key", JsonValue.Of(checkpoints.Key.ToString()))],
                Commands.GetEntries => Page(Number(message, "from"), Number(message, "skip")),
                _ => null,
            };
            refusal = members is null ? new Refusal(ErrorCode.BadRequest, $"skip is beyond the end of entry {Number(message, "from")}") : null;
        }
        catch (LedgerIntegrityException e)
        {
            members = null;
            refusal = new Refusal(ErrorCode.StorageError, e.Message.TrimEnd('.'));
        }
        return members is not null;
    }

    /// <summary>Bytes of the leaves' stream; none at the ledger's end, null when the first entry has not so many as are to be skipped.</summary>
    private List<(string, JsonValue)>? Page(long from, long skip)
    {
        var page = new ArrayBufferWriter<byte>(Limits.MaxLeafPageBytes);
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

    private static long Number(Message message, string name) =>
        message.Args!.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : 0;
}
