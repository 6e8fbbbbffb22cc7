using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Changing;

/// <summary>
/// The hashes of what is set in the classes that a change sets (DESIGN section 3, <c>base</c>). Signed with it, the change follows that policy and no other: a domain that
/// lacks something of it notices. The daemon's word for them is enough: a wrong one is refused, or proves no value (docs/formats/delivery.md).
/// </summary>
internal static class PolicyBase
{
    private const string Member = "base";

    /// <summary>True for a change that names what it builds upon unless its sender says otherwise. One that fires waits for no question, and for nobody else's change.</summary>
    public static bool IsFor(IReadOnlyList<Setting> change) => !change.Any(setting => setting.Key.IsEvent && EventValues.IsFire(setting.Value));

    /// <summary>True for a change whose question has to be signed: few values of confidential keys are possible, and a hash would tell which it is.</summary>
    public static bool IsSecret(IReadOnlyList<Setting> change) => change.Any(setting => setting.Key.IsConfidential);

    /// <summary>Asks the daemon.</summary>
    /// <param name="session">Where it is.</param>
    /// <param name="key">Signs the question of a confidential change; null asks without.</param>
    /// <param name="system">The system that the question is for; null where none is known.</param>
    /// <param name="change">What is to be set.</param>
    /// <param name="bases">Class to hash; null where the daemon gives none, as one of the old design and a gateway of another class.</param>
    /// <param name="failure">Why the daemon was not asked, or refused.</param>
    public static bool TryAsk(Session session, OperatorKey? key, string? system, IReadOnlyList<Setting> change, out IReadOnlyDictionary<string, string>? bases, out Failure failure)
    {
        bases = null;
        MessageDraft draft = new() { Command = BusCommands.GetStatus, Args = JsonValue.Object([(Message.BaseArg, JsonValue.True)]) };
        Envelope question;
        if (key is not null && IsSecret(change))
            question = SignedMessage.Write(session, key, draft with { Nonce = Nonce.Random(), Timestamp = session.Now, System = system });
        else if (EnvelopeWriter.TryWriteUnsigned(draft, out var unsigned, out var refusal))
            question = unsigned;
        else
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, question, out var answer, out failure))
            return false;
        // One that does not know the question takes the change as it is: it was made before there was a base by default.
        if (!answer.IsOk && answer.Code is not (null or "bad_request"))
        {
            failure = RefusalReport.Of(session, answer, key);
            return false;
        }
        bases = Pick(answer, change);
        return true;
    }

    /// <summary>Those of the classes that a change sets, of an answer that has them; null where it has none of them.</summary>
    public static Dictionary<string, string>? Pick(AnswerReader? answer, IReadOnlyList<Setting> change)
    {
        var hashes = answer?.ObjectOf(Member);
        Dictionary<string, string> bases = new(StringComparer.Ordinal);
        foreach (var name in change.Select(setting => setting.Key.Class).Distinct(StringComparer.Ordinal))
        {
            if (hashes is not null && hashes.TryGet(name, out var hash) && hash.TryGetString(out var digits))
                bases[name] = digits;
        }
        return bases.Count == 0 ? null : bases;
    }
}
