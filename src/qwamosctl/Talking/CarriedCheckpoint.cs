using Qwamos.Client.Auditing;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Talking;

/// <summary>
/// The checkpoint in the answer to a change or a look at the status. It is compared with the one seen before, so that each use of the program is
/// a witness of the ledger. A gateway's answers carry none.
/// </summary>
internal sealed class CarriedCheckpoint
{
    private readonly Session _session;
    private readonly AnswerReader _answer;
    private readonly SignedCheckpoint? _signed;
    private readonly string _fault;

    public CarriedCheckpoint(Session session, AnswerReader answer)
    {
        _session = session;
        _answer = answer;
        _signed = SignedCheckpoint.TryRead(answer, out var signed, out _fault) ? signed : null;
    }

    /// <summary>The answer for <c>-o json</c>: as it came, and when a stale checkpoint was signed.</summary>
    public JsonValue Shown => _signed is { } signed && signed.Checkpoint.IsStale(_session.Now)
        ? JsonValue.Object(
        [
            .. _answer.Document.Members.Where(member => member.Key is not ("signed" or "stale")).Select(member => (member.Key, member.Value)),
            ("signed", JsonValue.Of(signed.TimeSeconds)),
            ("stale", JsonValue.True),
        ])
        : _answer.Document;

    /// <summary>Whether the ledger is still the one seen before. A daemon that has shown checkpoints and leaves them out now is asked for one.</summary>
    public bool TryAccept(out Failure failure)
    {
        failure = null!;
        LedgerReader reader = new(_session);
        if (_signed is { } signed)
            return reader.TryAccept(ref signed, out failure);
        if (_answer.TextOf("checkpoint") is null)
            return !IsOfTheAuthority() || (TrySeen(out var isSeen, out failure) && (!isSeen || reader.TryGetCheckpoint(out _, out failure)));
        failure = new Failure(ExitCode.Refused, $"the checkpoint in the daemon's answer is not to be believed: {_fault}");
        return false;
    }

    /// <summary>What qwamosd's answers have and a gateway's have not; a status that does not say what a gateway's says is qwamosd's.</summary>
    private bool IsOfTheAuthority() =>
        _answer.HasObject("result") || _answer.HasObject("gateways") || (_answer.HasObject("policy") && !_answer.HasObject("witness"));

    /// <summary>Whether checkpoints of this system's ledger were seen.</summary>
    private bool TrySeen(out bool isSeen, out Failure failure)
    {
        isSeen = false;
        if (!SystemName.TryRead(_session.Paths, out var own, out failure))
            return false;
        if (own is null)
            return true;
        if (!new SeenCheckpoints(_session).TryFind(Checkpoint.OriginOf(own), out var seen, out failure))
            return false;
        isSeen = seen is not null;
        return true;
    }
}
