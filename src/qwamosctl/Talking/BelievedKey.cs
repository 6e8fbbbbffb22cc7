using Qwamos.ControlBus.Envelopes;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary>Which operator's key the running daemon believes: after a replacement it is the old one until a restart.</summary>
internal static class BelievedKey
{
    /// <summary>What the daemon says is an extra where this is asked: it is not waited for.</summary>
    private const int PatienceSeconds = 1;

    /// <summary>
    /// The ID of the key that the daemon believes, when it is another than this one, and whether a trust root is in force, by which the enrolled key is one of several,
    /// or none. Null and false, too, when none answers at once.
    /// </summary>
    public static (string? Other, bool HasTrustRoot) Ask(Session session, OperatorKey key)
    {
        var status = Status(session);
        return (status?.TextOf("key_id") is { } id && id != key.Id.ToString() ? id : null, status?.ObjectOf("trust") is not null);
    }

    private static AnswerReader? Status(Session session)
    {
        MessageDraft draft = new() { Command = BusCommands.GetStatus };
        return File.Exists(session.SocketPath)
            && EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out _)
            && BusClient.TryExchange(session, envelope.Raw, out var bytes, out _, PatienceSeconds)
            && AnswerReader.TryRead(bytes, out var answer, out _) && answer.IsOk
            ? answer
            : null;
    }
}
