using System.Text;
using System.Threading.Channels;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Auditing;
using Qwamos.Daemon.Delivery;

namespace Qwamos.Daemon.Witnessing;

/// <summary>
/// Gives one gateway each new checkpoint with its proof, and the operator's statement before it. A task of its own beside the courier of
/// changes: a dead or hostile gateway delays neither those nor another witness. It remembers a size only, whatever has piled up.
/// </summary>
internal sealed class WitnessCourier(
    GatewayEntry gateway, string witnessName, Checkpoints checkpoints, LedgerStore ledger, Cosignatures cosignatures, TimeProvider time, LogMessages log)
{
    /// <summary>Least time between two pushes: checkpoints that come faster are passed over for the newest.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Until a gateway that is no witness, or that refuses for a reason that only people mend, is asked again without a new checkpoint.</summary>
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(60);

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly LedgerTree _tree = new(ledger);
    private readonly Backoff _backoff = new();
    private WitnessRow _row = new(WitnessState.Unknown);
    private readonly Channel<bool> _word = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile LedgerKeyStatement? _told;
    private volatile LedgerKeyStatement? _tried;
    private string? _toldFault;
    private long _toldAt;
    private long _seen;

    public string Name => gateway.Name;

    public WitnessRow Row => Volatile.Read(ref _row);

    /// <summary>Whether its line for a tree may still come soon: it is one that cosigns, or was never asked, or waits for the operator's word that is there now.</summary>
    public bool IsAwaited(long size) => Row.State switch
    {
        WitnessState.Unknown or WitnessState.Cosigns => !cosignatures.Has(size, Name),
        WitnessState.Pinned => checkpoints.Statement is { } statement && statement != _told,
        _ => false,
    };

    /// <summary>Says that there is a new checkpoint. Never blocks.</summary>
    public void Wake()
    {
        if (HasNewWord)
            _word.Writer.TryWrite(true);
        _wake.Writer.TryWrite(true);
    }

    private bool HasNewWord => checkpoints.Statement is { } statement && statement != _tried;

    /// <summary>Until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await PushAsync(stop).ConfigureAwait(false);
                await WaitAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The daemon ends; what was not cosigned is offered at the next start.
        }
        catch (Exception e) when (e is LedgerBrokenException or LedgerIntegrityException or LedgerFormatException)
        {
            // The writer meets the same ledger and ends the daemon where it must; this row says why it stands still.
            Fail(WitnessState.Failing, "the ledger cannot be read");
            log.DeliveryStopped(Name, e.Message);
        }
    }

    /// <summary>A gateway that cosigned waits for the next checkpoint; one that could not be reached is asked again by itself, ever more seldom.</summary>
    private async Task WaitAsync(CancellationToken stop)
    {
        if (Row.State == WitnessState.Failing)
        {
            await Task.Delay(_backoff.Next(), time, stop).ConfigureAwait(false);
            return;
        }

        _backoff.Reset();
        await Task.Delay(Pause, time, stop).ConfigureAwait(false);
        if (Row.State is not (WitnessState.Cosigns or WitnessState.Pinned))
            await RestAsync(stop).ConfigureAwait(false);
        await _wake.Reader.ReadAsync(stop).ConfigureAwait(false);
    }

    /// <summary>The long pause, which an operator's new word ends: it may be what the gateway's alarm or refusal waits for.</summary>
    private async Task RestAsync(CancellationToken stop)
    {
        _word.Reader.TryRead(out _);
        if (HasNewWord)
            return;
        using var rest = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(Task.Delay(LongPause - Pause, time, rest.Token), _word.Reader.WaitToReadAsync(rest.Token).AsTask()).ConfigureAwait(false);
        await rest.CancelAsync().ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
    }

    private async Task PushAsync(CancellationToken stop)
    {
        try
        {
            // First: a checkpoint made from here on wakes this again.
            _wake.Reader.TryRead(out _);
            await TellKeyAsync(stop).ConfigureAwait(false);
            SignedTree tree = checkpoints.Newest();
            AnswerReader answer = await OfferAsync(tree, stop).ConfigureAwait(false);
            if (SizeSeen(answer) is { } seen)
            {
                // Its memory was lost or put back: it may have forgotten the operator's word, too.
                if (seen < _seen)
                    _told = null;
                _seen = seen;
                answer = await OfferAsync(tree, stop).ConfigureAwait(false);
            }

            Judge(tree, answer);
        }
        catch (GatewayLinkException e)
        {
            Fail(WitnessState.Failing, e.Message);
        }
    }

    private async Task TellKeyAsync(CancellationToken stop)
    {
        if (checkpoints.Statement is not { } statement || statement == _told)
            return;
        _tried = statement;
        AnswerReader answer = await SendAsync(Commands.LedgerKey, statement.ToJson(), stop).ConfigureAwait(false);
        if (answer.IsOk && Number(answer, "size") is { } size)
            _seen = size;
        // Any other answer is a word about this statement, too; the checkpoint's answer says what follows from it.
        _toldAt = time.GetTimestamp();
        if (Receptions.Of(answer) != Reception.Later)
            (_toldFault, _told) = (answer.IsOk ? null : Receptions.Describe(answer), statement);
    }

    /// <summary>A ledger smaller than what the gateway saw has no proof to give: it is offered all the same, so that the gateway keeps the evidence.</summary>
    private Task<AnswerReader> OfferAsync(SignedTree tree, CancellationToken stop)
    {
        IReadOnlyList<byte[]> proof = _seen <= tree.Size ? _tree.ConsistencyProof(_seen, tree.Size) : [];
        return SendAsync(Commands.Checkpoint, new CheckpointOffer(tree.Note, checkpoints.Key.ToString(), _seen, proof).ToJson(), stop);
    }

    private void Judge(SignedTree tree, AnswerReader answer)
    {
        switch (answer.Code)
        {
            case null when answer.IsOk:
                Take(tree, answer);
                break;
            case "unknown_command" or null:
                Fail(WitnessState.NoWitness, null);
                break;
            case "fork" or "unproven" or "unknown_key":
                Alarm(Receptions.Describe(answer));
                break;
            case "base_mismatch" when _seen > tree.Size:
                Alarm($"it saw {_seen} entries, and the ledger has {tree.Size}: an older one was put back");
                break;
            default:
                Fail(Receptions.Of(answer) == Reception.Later ? WitnessState.Failing : WitnessState.Refuses, Receptions.Describe(answer));
                break;
        }
    }

    /// <summary>The line counts only when it is this gateway's, over this tree; else it has said nothing.</summary>
    private void Take(SignedTree tree, AnswerReader answer)
    {
        string trust = CodePoints.Take(Text(answer, "trust"), Receptions.MaxErrorCodePoints);
        if (Number(answer, "size") == tree.Size && answer.Document.TryGet("cosignature", out JsonValue? none) && none.Kind == JsonKind.Null)
        {
            // It keeps the checkpoint and demands that the next extends it, and vouches for nothing yet: no fault of its.
            _seen = tree.Size;
            // Told and taken, and not known there any more: root there took another anchor, or lowered the time floor. Refused: root there may have
            // enrolled the right key since.
            if (_toldFault is null || time.GetElapsedTime(_toldAt) >= LongPause)
                _told = null;
            Show(new WitnessRow(WitnessState.Pinned, tree.Size, Trust: trust, Fault: _toldFault));
            return;
        }

        if (Number(answer, "size") != tree.Size
            || !CosignatureKey.TryParse(Text(answer, "witness"), out CosignatureKey? key, out _)
            || key.Name != witnessName
            || !Checkpoint.TryOpen(Encoding.UTF8.GetBytes(tree.Note), checkpoints.Key, out Checkpoint? checkpoint, out _)
            || !key.TryReadLine(Text(answer, "cosignature"), checkpoint, out NoteSignature line, out long seconds))
        {
            Fail(WitnessState.Refuses, $"its answer holds no cosignature by {witnessName} over this tree");
            return;
        }

        _seen = tree.Size;
        cosignatures.Add(tree.Size, Name, line);
        if (Row.State is not (WitnessState.Cosigns or WitnessState.Unknown or WitnessState.Pinned))
            log.WitnessBack(Name, tree.Size);
        if (Row.Key is { } before && before != key.ToString())
            log.WitnessKeyChanged(Name, before, key.ToString());
        Show(new WitnessRow(WitnessState.Cosigns, tree.Size, seconds, key.ToString(), trust));
    }

    private async Task<AnswerReader> SendAsync(string command, JsonValue args, CancellationToken stop)
    {
        var draft = new MessageDraft { Command = command, Args = args };
        return EnvelopeWriter.TryWriteUnsigned(draft, out Envelope? envelope, out Refusal? refusal)
            ? await GatewayLink.SendAsync(gateway.SocketPath, envelope.Raw, time, stop).ConfigureAwait(false)
            : throw new InvalidOperationException(refusal.Reason);
    }

    /// <summary>The size that a gateway says it saw last, when it was another than the one offered from.</summary>
    private long? SizeSeen(AnswerReader answer) =>
        answer.Code == "base_mismatch" && Number(answer, "size") is { } size && size >= 0 && size != _seen ? size : null;

    private static long? Number(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : null;

    private static string Text(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && value.TryGetString(out string? text) ? text : "";

    private void Alarm(string fault)
    {
        if (Row.State != WitnessState.Alarm)
            log.WitnessAlarm(Name, fault);
        Show(Row with { State = WitnessState.Alarm, Fault = fault });
    }

    /// <summary>An alarm stands until the gateway takes a checkpoint again: that it cannot be reached now takes nothing back.</summary>
    private void Fail(WitnessState state, string? fault)
    {
        if (Row.State != WitnessState.Alarm)
            Show(Row with { State = state, Fault = fault });
    }

    private void Show(WitnessRow row) => Volatile.Write(ref _row, row);
}
