using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary><c>get_status</c>, unsigned where that is enough.</summary>
internal static class StatusQuestion
{
    /// <summary>Asks unsigned; signs for a daemon of the old design, which knows no unsigned request and refuses it without a code.</summary>
    public static bool TryAsk(Session session, out AnswerReader answer, out Failure failure)
    {
        MessageDraft draft = new() { Command = BusCommands.GetStatus };
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        if (answer.IsOk || answer.Code is not null)
            return GatewayPages.TryComplete(session, ref answer, out failure);
        return TryAskSigned(session, reveal: false, out answer, out failure);
    }

    /// <summary>Asks with the operator's signature, which opens confidential values when they are asked for.</summary>
    public static bool TryAskSigned(Session session, bool reveal, out AnswerReader answer, out Failure failure)
    {
        answer = null!;
        if (!SystemName.TryRead(session.Paths, out var system, out failure) || !OperatorKey.TryOpen(session, out var key, out failure))
            return false;
        using (key)
        {
            MessageDraft draft = new()
            {
                Command = BusCommands.GetStatus,
                Args = reveal ? JsonValue.Object([("reveal", JsonValue.Of(true))]) : null,
                Nonce = Nonce.Random(),
                Timestamp = session.Now,
                System = system,
            };
            return Bus.TryAsk(session, SignedMessage.Write(session, key, draft), out answer, out failure) && GatewayPages.TryComplete(session, ref answer, out failure);
        }
    }
}
