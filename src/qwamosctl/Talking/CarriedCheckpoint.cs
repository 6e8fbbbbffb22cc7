using Qwamos.Client.Auditing;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Talking;

/// <summary>
/// The checkpoint in the answer to a change or a look at the status. It is compared with the one seen before, so that each use of the program is
/// a witness of the ledger. A gateway's answers carry none. Where nothing can be verified it is not believed, not kept, and said to be neither.
/// </summary>
internal sealed class CarriedCheckpoint
{
    private readonly Session _session;
    private readonly AnswerReader _answer;
    private readonly SignedCheckpoint? _signed;
    private readonly string _fault;
    private readonly bool _isUnverified;

    public CarriedCheckpoint(Session session, AnswerReader answer)
    {
        _session = session;
        _answer = answer;
        _isUnverified = WithoutLibsodium.IsInForce && answer.IsOk && (answer.TextOf("checkpoint") is not null || IsOfTheAuthority());
        _fault = "";
        if (!WithoutLibsodium.IsInForce && SignedCheckpoint.TryRead(answer, out var signed, out _fault))
            _signed = signed;
    }

    /// <summary>The answer for <c>-o json</c>: as it came, and when a stale checkpoint was signed, or that none was verified.</summary>
    public JsonValue Shown =>
        _isUnverified ? With(("checkpoint_verified", JsonValue.Of(false)))
        : _signed is { } signed && signed.Checkpoint.IsStale(_session.Now) ? With(("signed", JsonValue.Of(signed.TimeSeconds)), ("stale", JsonValue.True))
        : _answer.Document;

    /// <summary>The answer with members of this program's own, in place of any that the daemon gave their names.</summary>
    private JsonValue With(params (string Name, JsonValue Value)[] own) =>
        JsonValue.Object([.. _answer.Document.Members.Where(member => own.All(mine => mine.Name != member.Key)).Select(member => (member.Key, member.Value)), .. own]);

    /// <summary>Whether the ledger is still the one seen before. A daemon that has shown checkpoints and leaves them out now is asked for one.</summary>
    public bool TryAccept(out Failure failure)
    {
        failure = null!;
        if (_isUnverified)
            _session.Terminal.Note($"NOT VERIFIED: the ledger's checkpoint in this answer was neither checked nor kept: {NoVerificationException.Why}. A daemon that cut its history or shows two would not be noticed from here.");
        if (WithoutLibsodium.IsInForce)
            return true;
        LedgerReader reader = new(_session);
        if (_signed is { } signed)
            return reader.TryAccept(ref signed, out failure);
        if (_answer.TextOf("checkpoint") is null)
            return !IsOfTheAuthority() || (TrySeen(out var isSeen, out failure) && (!isSeen || reader.TryGetCheckpoint(out _, out failure)));
        failure = new Failure(ExitCode.Refused, $"the checkpoint in the daemon's answer is not to be believed: {_fault}");
        return false;
    }

    /// <summary>What comes from Dom0's own socket, or does not say that it is a domain's, is qwamosd's.</summary>
    private bool IsOfTheAuthority() =>
        _answer.HasObject("gateways") || ((_session.SocketPath == _session.Paths.BusSocket || !_answer.HasObject("domain")) && (_answer.HasObject("result") || _answer.HasObject("policy")));

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
