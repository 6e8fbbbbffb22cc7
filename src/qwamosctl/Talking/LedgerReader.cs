using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary>Asks the daemon what auditors ask: unsigned, page by page, believing nothing but what the ledger's key signed.</summary>
internal sealed class LedgerReader(Session session)
{
    /// <summary>A checkpoint that covers every entry durable now, and the key it is signed with.</summary>
    public bool TryGetCheckpoint(out SignedCheckpoint checkpoint, out Failure failure)
    {
        checkpoint = null!;
        if (!TryAsk(BusCommands.GetCheckpoint, null, out var answer, out failure))
            return false;
        if (answer.TextOf("checkpoint") is not { } text || answer.TextOf("key") is not { } line || !NoteVerifierKey.TryParse(line, out var key, out _))
            return No(NotOne("it has no checkpoint, or no key"), out failure);
        var note = Encoding.UTF8.GetBytes(text);
        if (!Checkpoint.TryOpen(note, key, out var opened, out var fault))
            return No(NotOne(fault), out failure);
        checkpoint = new SignedCheckpoint(note, opened, key);
        return true;
    }

    /// <summary>The leaves from an index up to, and without, another one, in order.</summary>
    public bool TryReadLeaves(long from, long to, Action<byte[]> take, out Failure failure)
    {
        failure = null!;
        var begun = Array.Empty<byte>();
        while (from < to)
        {
            if (!TryReadPage(from, begun.Length, out var page, out failure))
                return false;
            if (page.Length == 0)
                return No(NotOne($"entry {from} is not in it"), out failure);
            byte[] bytes = [.. begun, .. page];
            ReadOnlySpan<byte> rest = bytes;
            while (from < to && EntryBundle.TryTake(ref rest, out var leaf))
            {
                take(leaf);
                from++;
            }
            begun = rest.ToArray();
        }
        return true;
    }

    private bool TryReadPage(long from, long skip, out byte[] page, out Failure failure)
    {
        page = [];
        var args = JsonValue.Object([("from", JsonValue.Of(from)), ("skip", JsonValue.Of(skip))]);
        if (!TryAsk(BusCommands.GetEntries, args, out var answer, out failure))
            return false;
        if (answer.TextOf("leaves") is not { } text)
            return No(NotOne("it has no leaves"), out failure);
        page = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, page, out var length))
            return No(NotOne("its leaves are not base64"), out failure);
        Array.Resize(ref page, length);
        return true;
    }

    private bool TryAsk(string command, JsonValue? args, out AnswerReader answer, out Failure failure)
    {
        MessageDraft draft = new() { Command = command, Args = args };
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        return answer.IsOk || No(Refused(answer), out failure);
    }

    private static Failure Refused(AnswerReader answer) => new(
        ExitCode.Refused,
        $"refused{(answer.Code is { } code ? $" ({code})" : "")}: {answer.Reason ?? "no reason given"}",
        answer.Code is "unknown_command" or "bad_request" or null ? "This daemon keeps no audit of this kind: it is an older one, or a gateway's" : null);

    private static Failure NotOne(string why) => new(ExitCode.Refused, $"the daemon's answer is not that of a ledger: {why}");

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
