using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Pipeline;

namespace Qwamos.Gateway.Receiving;

/// <summary>Logs what came of requests, but not a flood of them: a slow reader of the log must not slow the writer.</summary>
internal sealed class RequestLog(TimeProvider time, LogMessages log)
{
    private readonly LineBudget _accepted = new(time);
    private readonly LineBudget _refused = new(time);

    public void Accepted(CommittedChange change)
    {
        if (!_accepted.TryTake(out long leftOut))
            return;
        if (leftOut > 0)
            log.AcceptedMore(leftOut);
        log.Accepted(string.Join(", ", change.Outcome.Applied.Concat(change.Outcome.Staged)), change.Index, change.Message.Signer?.ToString() ?? "");
    }

    /// <summary>Called on any thread.</summary>
    public void Refused(PeerCredentials peer, Refusal refusal)
    {
        if (!_refused.TryTake(out long leftOut))
            return;
        if (leftOut > 0)
            log.RefusedMore(leftOut);
        log.Refused(ErrorCodes.Name(refusal.Code), refusal.Reason, peer.Describe());
    }
}
