using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Gives one domain the newest checkpoint with its proof, and the operator's word for the ledger's key before it; judges what comes back. Its courier's, on the courier's task.
/// </summary>
/// <param name="domain">Its name.</param>
/// <param name="witnessName">The name that its cosignatures must have.</param>
/// <param name="feed">The ledger.</param>
/// <param name="log">The log.</param>
internal sealed class CheckpointBringer(string domain, string witnessName, LedgerFeed feed, LogMessages log)
{
    private LedgerKeyStatement? _told;
    private string? _toldFault;
    private string _ledgerKey = "";

    /// <summary>How it stands as a witness.</summary>
    public WitnessRow Row { get; private set; } = new(WitnessState.Unknown);

    /// <summary>After a trust root the operator's word for the ledger's key, refused before it, may be believed: it is told again before what follows, which may be old.</summary>
    public bool IsWordOwedAfter(PendingDelivery delivery) => delivery.RootVersion is not null && Row is { State: WitnessState.Pinned, Fault: not null };

    /// <summary>The lines that it gave last, the newest first.</summary>
    public IReadOnlyList<(string Root, string Line)> Cosignatures { get; private set; } = [];

    /// <summary>Whether the domain took the operator's word for the ledger's key since the last time it was asked to take a checkpoint.</summary>
    public bool HasToldKey { get; private set; }

    /// <summary>What is to be thought of it before it was asked.</summary>
    public void Remember(WitnessRow row) => Row = row;

    /// <summary>Whatever it was told before, its memory may have been put back.</summary>
    public void Forget() => _told = null;

    /// <summary>Whether the domain takes the newest checkpoint; if so, it has seen so many entries.</summary>
    /// <param name="link">To the domain.</param>
    /// <param name="seen">Entries of the one that it saw last, as far as is known.</param>
    /// <param name="stop">Ends the courier.</param>
    /// <exception cref="LinkException">The link failed, or qwamosd cannot be asked.</exception>
    public async Task<(bool IsTaken, long Seen)> BringAsync(Link link, long seen, CancellationToken stop)
    {
        HasToldKey = false;
        FeedCheckpoint newest = await feed.NewestAsync(stop).ConfigureAwait(false);
        if (newest.Key.ToString() != _ledgerKey)
        {
            // Lines under trees of another ledger are nothing under this one's.
            _ledgerKey = newest.Key.ToString();
            Cosignatures = [];
        }

        await TellKeyAsync(link, newest.Statement, stop).ConfigureAwait(false);
        AnswerReader answer = await OfferAsync(link, newest, seen, stop).ConfigureAwait(false);
        if (answer.Code == ErrorCodes.Name(ErrorCode.BaseMismatch) && Number(answer, "size") is { } other && other != seen)
        {
            // Its memory was lost or put back: it may have forgotten the operator's word, too.
            if (other < seen)
                Forget();
            seen = other;
            answer = await OfferAsync(link, newest, seen, stop).ConfigureAwait(false);
        }

        return (Judge(newest, seen, answer), answer.IsOk ? newest.Checkpoint.Size : seen);
    }

    private async Task TellKeyAsync(Link link, LedgerKeyStatement? statement, CancellationToken stop)
    {
        if (statement is null || statement == _told)
            return;
        AnswerReader answer = await SendAsync(link, Commands.LedgerKey, statement.ToJson(), stop).ConfigureAwait(false);
        // Refused, it is told again the next time: a trust root that it takes meanwhile, or root there, may change its mind.
        _told = answer.IsOk ? statement : null;
        HasToldKey = answer.IsOk;
        _toldFault = answer.IsOk ? null : Receptions.Describe(answer);
    }

    /// <summary>A ledger smaller than what the domain saw has no proof to give: it is offered all the same, so that the domain keeps the evidence.</summary>
    private async Task<AnswerReader> OfferAsync(Link link, FeedCheckpoint newest, long seen, CancellationToken stop)
    {
        IReadOnlyList<byte[]> proof = await feed.ConsistencyAsync(seen, newest.Checkpoint.Size, stop).ConfigureAwait(false);
        return await SendAsync(link, Commands.Checkpoint, new CheckpointOffer(newest.Note, newest.Key.ToString(), seen, proof).ToJson(), stop).ConfigureAwait(false);
    }

    private bool Judge(FeedCheckpoint newest, long seen, AnswerReader answer)
    {
        switch (answer.Code)
        {
            case null when answer.IsOk:
                return Take(newest, answer);
            case "unknown_command" or null:
                return Fail(WitnessState.NoWitness, null);
            case "fork" or "unproven" or "unknown_key":
                return Alarm(Receptions.Describe(answer));
            case "base_mismatch" when seen > newest.Checkpoint.Size:
                return Alarm($"it saw {seen} entries, and the ledger has {newest.Checkpoint.Size}: an older one was put back");
            default:
                return Fail(Receptions.IsLater(answer) ? WitnessState.Failing : WitnessState.Refuses, Receptions.Describe(answer));
        }
    }

    /// <summary>The line counts only when it is this domain's, over this tree; else it has said nothing.</summary>
    private bool Take(FeedCheckpoint newest, AnswerReader answer)
    {
        string trust = CodePoints.Take(Text(answer, "trust"), Receptions.MaxErrorCodePoints);
        long size = newest.Checkpoint.Size;
        if (Number(answer, "size") == size && answer.Document.TryGet("cosignature", out JsonValue? none) && none.Kind == JsonKind.Null)
        {
            // It keeps the checkpoint and demands that the next extends it, and vouches for nothing yet: no fault of its. Told and taken, and not known there any
            // more: root there took another anchor, or lowered the time floor.
            Forget();
            Row = new WitnessRow(WitnessState.Pinned, size, Trust: trust, Fault: _toldFault);
            return true;
        }

        if (Number(answer, "size") != size
            || !CosignatureKey.TryParse(Text(answer, "witness"), out CosignatureKey? key, out _)
            || key.Name != witnessName
            || !key.TryReadLine(Text(answer, "cosignature"), newest.Checkpoint, out NoteSignature line, out long seconds))
            return Fail(WitnessState.Refuses, $"its answer holds no cosignature by {witnessName} over this tree");

        Cosignatures = [(newest.Checkpoint.RootHex, line.ToString()), .. Cosignatures.Where(kept => kept.Root != newest.Checkpoint.RootHex).Take(DomainRow.MaxCosignatures - 1)];
        if (Row.State is not (WitnessState.Cosigns or WitnessState.Unknown or WitnessState.Pinned))
            log.WitnessBack(domain, size);
        if (Row.Key is { } before && before != key.ToString())
            log.WitnessKeyChanged(domain, before, key.ToString());
        Row = new WitnessRow(WitnessState.Cosigns, size, seconds, key.ToString(), trust);
        return true;
    }

    private bool Alarm(string fault)
    {
        if (Row.State != WitnessState.Alarm)
            log.WitnessAlarm(domain, fault);
        Row = Row with { State = WitnessState.Alarm, Fault = fault };
        // What it vouched for is another history's now.
        Cosignatures = [];
        return false;
    }

    /// <summary>It cannot be reached.</summary>
    public void Fail(string fault) => Fail(WitnessState.Failing, fault);

    /// <summary>An alarm stands until the domain takes a checkpoint again: that it cannot be reached now takes nothing back.</summary>
    private bool Fail(WitnessState state, string? fault)
    {
        if (Row.State != WitnessState.Alarm)
            Row = Row with { State = state, Fault = fault };
        return false;
    }

    private static async Task<AnswerReader> SendAsync(Link link, string command, JsonValue args, CancellationToken stop) =>
        await link.AskAsync(Encoding.UTF8.GetBytes($$$"""{"msg":{"args":{{{JsonText.ToText(args)}}},"command":"{{{command}}}"}}"""), stop).ConfigureAwait(false);

    private static long? Number(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) && number >= 0 ? number : null;

    private static string Text(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && value.TryGetString(out string? text) ? text : "";
}
