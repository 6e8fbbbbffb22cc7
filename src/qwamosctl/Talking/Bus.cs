using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Client.Talking;

/// <summary>Sends an envelope and reads the answer to it.</summary>
internal static class Bus
{
    public static bool TryAsk(Session session, Envelope envelope, out AnswerReader answer, out Failure failure, int patienceSeconds = BusClient.PatienceSeconds)
    {
        answer = null!;
        if (!BusClient.TryExchange(session, envelope.Raw, out var bytes, out failure, patienceSeconds))
            return false;
        if (AnswerReader.TryRead(bytes, out answer!, out _))
            return true;
        failure = new Failure(
            ExitCode.Refused,
            $"what came back on {session.SocketPath} is not a control bus's answer",
            "Look at --socket: another program seems to listen there");
        return false;
    }

    /// <summary>An answer that says ok and lacks what every control bus, old or new, says with it: it is not believed.</summary>
    public static Failure Incomplete(Session session, string member) => new(
        ExitCode.Refused,
        $"what answered on {session.SocketPath} says ok without {member}, so whether it did what was asked is not known",
        $"Look at --socket: another program seems to listen there; see the daemon's log: {session.DaemonLog}");
}
