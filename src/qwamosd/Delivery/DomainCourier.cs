using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Serves one domain from the ledger, in order (docs/formats/delivery.md): a task of its own, so that a dead or hostile domain delays no other. It asks the domain where it stands,
/// and remembers places only, whatever has piled up.
/// </summary>
internal sealed class DomainCourier
{
    /// <summary>Until a domain that refuses for a reason that only people mend is asked again, and until one that has all is given the next checkpoint.</summary>
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(Limits.CheckpointIdleSeconds);

    /// <summary>The same for one that could not even be greeted, as another domain's gateway is not.</summary>
    private static readonly TimeSpan GreetingPause = TimeSpan.FromSeconds(10);

    /// <summary>A domain that says again and again that it stands elsewhere leads nowhere.</summary>
    private const int MaxStepsAside = 3;

    private readonly GatewayEntry _domain;
    private readonly DeliveryRule _rule;
    private readonly LedgerFeed _feed;
    private readonly CheckpointBringer _checkpoints;
    private readonly CatchUpPlan _plan;
    private readonly LateRoots _lateRoots;
    private readonly EnrolledDomains _enrolled;
    private readonly ReportFollower _reports;
    private readonly TimeSpan _quietPause;
    private readonly TimeProvider _time;
    private readonly LogMessages _log;
    private readonly ShownRow _shown;
    private readonly Backoff _backoff = new();
    /// <summary>Keys with a value that the domain's own schema refused: it passes them by beside a change, too.</summary>
    private readonly HashSet<string> _unfit = new(StringComparer.Ordinal);
    private long _look;
    private long _seen;
    private long? _putBackAt;
    private long? _gapLoggedAt;
    private Link? _link;
    private bool _isDown;
    private bool _isHeld;
    private TimeSpan _pause = LongPause;

    /// <param name="domain">Where to.</param>
    /// <param name="rule">What concerns it.</param>
    /// <param name="witnessName">The name that its cosignatures must have.</param>
    /// <param name="feed">The ledger.</param>
    /// <param name="history">What was policy before each change.</param>
    /// <param name="enrolled">Whose keys are believed.</param>
    /// <param name="reports">What the domain says of itself.</param>
    /// <param name="remembered">What was known of it at the last stop.</param>
    /// <param name="quietPause">Least time between two checkpoints where nothing is for this domain.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    /// <param name="changed">Called when the row has changed, with whether that can wait; it must not block.</param>
    public DomainCourier(
        GatewayEntry domain, DeliveryRule rule, string witnessName, LedgerFeed feed, PolicyHistory history, EnrolledDomains enrolled, ReportFollower reports, DomainRow remembered, TimeSpan quietPause, TimeProvider time, LogMessages log, Action<bool> changed)
    {
        (_domain, _rule, _feed) = (domain, rule, feed);
        _checkpoints = new CheckpointBringer(domain.Name, witnessName, feed, log);
        _checkpoints.Remember(remembered.Witness);
        _plan = new CatchUpPlan(domain, rule, feed, history);
        _lateRoots = new LateRoots(domain.Name, rule, feed, history, time, log);
        // The ledger may be another one by now: a domain gives its lines again.
        _shown = new ShownRow(remembered with { Cosignatures = [] }, feed, _checkpoints, reports, time, changed);
        (_look, _enrolled, _reports) = (remembered.Index + 1, enrolled, reports);
        (_quietPause, _time, _log) = (quietPause, time, log);
    }

    public string Name => _domain.Name;

    public DomainRow Row => _shown.Row;

    /// <summary>Until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                long version = _feed.Version;
                try
                {
                    bool isWell = await ServeAsync(stop).ConfigureAwait(false);
                    await WaitAsync(version, isWell ? _pause : _backoff.Next(), isWell, stop).ConfigureAwait(false);
                }
                catch (Exception e) when (!stop.IsCancellationRequested)
                {
                    // Whatever a domain's answer brings about is its own row's, and it is tried again.
                    Drop();
                    Down(e is LinkException ? e.Message : $"{e.GetType().Name}: {e.Message}");
                    // Whoever is vouched for meanwhile is let in at once.
                    await Task.WhenAny(Task.Delay(_backoff.Next(), _time, stop), _enrolled.Changed).ConfigureAwait(false);
                    stop.ThrowIfCancellationRequested();
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The courier ends; what was taken is kept with the row.
        }
        finally
        {
            _link?.Dispose();
        }
    }

    /// <summary>Until the ledger has grown by something for this domain, or by anything and a while has passed; at most the pause.</summary>
    private async Task WaitAsync(long version, TimeSpan pause, bool endsWithGrowth, CancellationToken stop)
    {
        using var rest = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task<bool> following = _reports.FollowAsync(endsWithGrowth ? _link : null, Row, rest.Token, stop);
        Task over = Task.WhenAny(Task.Delay(pause, _time, rest.Token), following);
        Task quiet = Task.Delay(_quietPause, _time, rest.Token);
        while (endsWithGrowth && !over.IsCompleted)
        {
            await Task.WhenAny(over, _feed.ChangedAsync(version, rest.Token)).ConfigureAwait(false);
            // A stop ends the one before the other, and this goes on in between.
            if (over.IsCompleted || stop.IsCancellationRequested)
                break;
            version = _feed.Version;
            if (await MayHaveNextAsync(stop).ConfigureAwait(false))
                break;
            await Task.WhenAny(over, quiet, _feed.ChangedAsync(version, rest.Token)).ConfigureAwait(false);
            if (quiet.IsCompleted)
                break;
        }

        if (!endsWithGrowth)
            await over.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await rest.CancelAsync().ConfigureAwait(false);
        if (!await following.ConfigureAwait(false))
            Drop();
        stop.ThrowIfCancellationRequested();
    }

    /// <summary>False when the domain is to be asked again soon, true when it has all or when only people can mend what it lacks.</summary>
    private async Task<bool> ServeAsync(CancellationToken stop)
    {
        if (_feed.Size < 0)
            await _feed.ChangedAsync(0, stop).ConfigureAwait(false);
        await FindNextAsync(stop).ConfigureAwait(false);
        if (_link?.IsQuiet == true)
        {
            try
            {
                return await BringAllAsync(_link, stop).ConfigureAwait(false);
            }
            catch (LinkException)
            {
                // The domain may just have ended it, as it does with one that is idle.
            }
        }

        Drop();
        try
        {
            Link link = _link = await OpenAsync(stop).ConfigureAwait(false);
            return await GreetAsync(link, stop).ConfigureAwait(false) ? await BringAllAsync(link, stop).ConfigureAwait(false) : DropAfter(isWell: true);
        }
        catch
        {
            Drop();
            throw;
        }
    }

    private async Task<bool> BringAllAsync(Link link, CancellationToken stop)
    {
        for (int stepsAside = 0; ;)
        {
            (bool isTaken, _seen) = await _checkpoints.BringAsync(link, _seen, stop).ConfigureAwait(false);
            Show(Row);
            // Its deliveries are of the ledger whose key it was told: of another one it has taken others, or none.
            if (_checkpoints.HasToldKey && !await GreetAsync(link, stop).ConfigureAwait(false))
                return DropAfter(isWell: true);
            if (!isTaken)
                return DropAfter(_checkpoints.Row.State != WitnessState.Failing);
            Show(await _lateRoots.BringAsync(link, Row, _seen, stop).ConfigureAwait(false));
            Reception reception = await DeliverAsync(link, stop).ConfigureAwait(false);
            if (reception is Reception.Later or Reception.Refused)
                return DropAfter(reception == Reception.Refused);
            if (reception == Reception.Aside && ++stepsAside > MaxStepsAside)
                return DropAfter(isWell: !Hold("it says again and again that it stands elsewhere, or has another policy"));
            if (reception != Reception.Aside && !await FindNextAsync(stop).ConfigureAwait(false))
                break;
        }

        if (_isHeld)
            _log.DomainHoldsNoMore(Name);
        _isHeld = false;
        _backoff.Reset();
        _plan.Reset();
        return true;
    }

    /// <summary>A link is kept while all is well on it: else the domain is greeted anew, and says where it stands.</summary>
    private bool DropAfter(bool isWell)
    {
        Drop();
        return isWell;
    }

    private void Drop()
    {
        _link?.Dispose();
        _link = null;
    }

    private async Task<Link> OpenAsync(CancellationToken stop)
    {
        if (_domain.Link.IsTls)
            await _enrolled.FirstAnswer.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            Link link = await Link.OpenAsync(_domain, _enrolled.Find(Name), _time, stop).ConfigureAwait(false);
            if (_domain.Link.IsTls)
                _ = link.WatchAsync(_enrolled, Name);
            return link;
        }
        catch (LinkException e) when (!_domain.Link.IsTls)
        {
            throw new LinkException($"{e.Message}; does gateway-policyd run there?");
        }
    }

    /// <summary>Where the domain stands is its own to say: a place that it lies about is its own loss.</summary>
    private async Task<bool> GreetAsync(Link link, CancellationToken stop)
    {
        _pause = GreetingPause;
        AnswerReader answer = await link.AskAsync("""{"msg":{"command":"get_cursor"}}"""u8.ToArray(), stop).ConfigureAwait(false);
        if (_isDown)
            _log.GatewayBack(Name);
        _isDown = false;
        if (!answer.IsOk)
            return Hold(Receptions.Describe(answer));
        string name = Receptions.Text(answer, "name"), @class = Receptions.Text(answer, "class");
        if (name != _domain.Name || @class != _domain.Class)
            return Hold($"it is {SafeText.ForTerminal(CodePoints.Take(name, 64))} of class {SafeText.ForTerminal(CodePoints.Take(@class, 64))}: mend its gateway.json, or domains.json here");
        if (!Receptions.TryNumber(answer, "seq", 0, out long sequence) || !Receptions.TryNumber(answer, "index", -1, out long index) || !Receptions.TryNumber(answer, "size", 0, out long size) || !Receptions.TryNumber(answer, "trust_version", 0, out long version))
            return Hold("its answer to get_cursor cannot be read");
        if (index < Row.Index)
        {
            // Once is a disk that was put back; again and again it would have all of the ledger brought for ever.
            if (_putBackAt is { } before && _time.GetElapsedTime(before) < LongPause)
                return Hold($"it says that it took delivery {sequence} last, again less than {LongPause.TotalSeconds} s after its record was put back");
            _putBackAt = _time.GetTimestamp();
            _log.DomainPutBack(Name, Row.Sequence, sequence);
            _checkpoints.Forget();
        }

        _pause = LongPause;
        _seen = size;
        _plan.Reset();
        // What kept it from being reached is over.
        Show(Row with { LastError = Row.KeptError, TrustVersion = version, Key = Receptions.Text(answer, "key") is var key && DomainKeyStatement.IsKey(key) ? key : null });
        Adopt(sequence, index);
        if (index >= _feed.Size)
            Show(Row with { LastError = $"it took entry {index}, and the ledger has {_feed.Size} entries: an older one was put back" });
        return true;
    }

    private void Adopt(long sequence, long index)
    {
        _look = index + 1;
        _plan.Forget();
        // So many deliveries do not lead there: one was kept from it, and another brought with its number; or this is not its own word.
        bool hasGap = index == Row.Index ? sequence != Row.Sequence : index > Row.Index && sequence <= Row.Sequence;
        // One that has its gap ended by a report, and says the same again, fills no journal.
        if (hasGap && !Row.HasGap && !(_gapLoggedAt is { } before && _time.GetElapsedTime(before) < LongPause))
        {
            _gapLoggedAt = _time.GetTimestamp();
            _log.DomainHasGap(Name, sequence, index, Row.Sequence, Row.Index);
        }
        Show(Row with { Sequence = sequence, Index = index, HasGap = Row.HasGap || hasGap });
    }

    private async Task<Reception> DeliverAsync(Link link, CancellationToken stop)
    {
        while (true)
        {
            // What comes after a revocation is not for whom it is about.
            if (_domain.Link.IsTls)
                await _enrolled.ReachAsync(_seen, stop).ConfigureAwait(false);
            List<PendingDelivery> next = await GatherAsync(stop).ConfigureAwait(false);
            if (next.Count == 0)
                return Reception.Taken;
            var requests = new List<ReadOnlyMemory<byte>>(next.Count);
            for (int i = 0; i < next.Count; i++)
            {
                CatchUpOffer? catchUp = await _plan.OfferAsync(next[i], Row.LacksSome, _seen, stop).ConfigureAwait(false);
                if (catchUp is null && _plan.Needs(next[i]))
                {
                    // What it is made from is not known any more, or does not fit now: each change by itself, from where the domain stands.
                    Resume();
                    return Reception.Aside;
                }

                next[i] = next[i] with { CatchUp = catchUp, IsBeforeUnknown = catchUp is null && _plan.CannotShow(next[i]), BringsAll = catchUp is not null && await _plan.BringsAllAsync(next[i], stop).ConfigureAwait(false) };
                requests.Add(await next[i].RequestAsync(_feed, Row.Sequence + 1 + i, _seen, stop).ConfigureAwait(false));
            }

            AnswerReader[] answers = await link.AskAsync(requests, stop).ConfigureAwait(false);
            for (int i = 0; i < answers.Length; i++)
            {
                Reception reception = Judge(next[i], answers[i]);
                if (reception != Reception.Taken)
                    return reception;
            }

            if (_checkpoints.IsWordOwedAfter(next[^1]))
                return Reception.Taken;
        }
    }

    /// <summary>What comes next, as far as the domain has seen the tree.</summary>
    private async Task<List<PendingDelivery>> GatherAsync(CancellationToken stop)
    {
        var next = new List<PendingDelivery>();
        await _plan.LookAsync(_look, _seen, stop).ConfigureAwait(false);
        for (long index = _look; next.Count < Limits.MaxDeliveriesUnderWay;)
        {
            IReadOnlyList<FeedEntry> page = await _feed.ReadAsync(index, stop).ConfigureAwait(false);
            foreach (FeedEntry entry in page)
            {
                if (entry.Index >= _seen || next.Count == Limits.MaxDeliveriesUnderWay)
                    return next;
                if (await _rule.MatchAsync(_feed, entry, stop).ConfigureAwait(false) is { } delivery && !_plan.Skips(delivery))
                {
                    next.Add(delivery);
                    if (_checkpoints.IsWordOwedAfter(delivery))
                        return next;
                }
                else if (next.Count == 0)
                    _look = entry.Index + 1;
            }

            if (page.Count == 0)
                break;
            index = page[^1].Index + 1;
        }

        return next;
    }

    /// <summary>Whether something is for this domain that it has not taken; from then on it is behind.</summary>
    private async Task<bool> FindNextAsync(CancellationToken stop)
    {
        while (await _feed.ReadAsync(_look, stop).ConfigureAwait(false) is { Count: > 0 } page)
        {
            foreach (FeedEntry entry in page)
            {
                if (await _rule.MatchAsync(_feed, entry, stop).ConfigureAwait(false) is not null)
                    return ShowNext(hasNext: true);
                _look = entry.Index + 1;
            }
        }

        return ShowNext(hasNext: false);
    }

    /// <summary>The same; true when that cannot be found out, which serving the domain meets again, and says.</summary>
    private async Task<bool> MayHaveNextAsync(CancellationToken stop)
    {
        try
        {
            return await FindNextAsync(stop).ConfigureAwait(false);
        }
        catch (Exception) when (!stop.IsCancellationRequested)
        {
            return true;
        }
    }

    private bool ShowNext(bool hasNext)
    {
        _shown.HasNext = hasNext;
        Show(Row);
        return hasNext;
    }

    private Reception Judge(PendingDelivery delivery, AnswerReader answer)
    {
        if (answer.IsOk)
        {
            Take(delivery, Receptions.Text(answer, "outcome"), answer);
            return Reception.Taken;
        }

        if (Receptions.IsLater(answer))
        {
            Show(Row with { LastError = Receptions.Describe(answer) });
            return Reception.Later;
        }

        if (delivery.CatchUp is not null && answer.Code is "unproven" or "bad_request")
        {
            // It is an older one that does not know of this, or has what Dom0 does not: each change by itself, from where it stands.
            Resume();
            return Reception.Aside;
        }

        if (answer.Code != ErrorCodes.Name(ErrorCode.BaseMismatch))
        {
            _ = Hold(Receptions.Describe(answer));
            return Reception.Refused;
        }

        // It has another policy than the change was made from, and wants to be shown that one.
        if (delivery is { CatchUp: null, IsBeforeUnknown: false } && answer.Document.TryGet("catch_up", out JsonValue? wanted) && wanted.Equals(JsonValue.True))
        {
            _plan.Ask();
            return Reception.Aside;
        }

        // It stands elsewhere, or has seen another tree: both it says.
        if (Receptions.TryNumber(answer, "seq", 0, out long sequence) && Receptions.TryNumber(answer, "index", -1, out long index))
        {
            if (index < Row.Index)
            {
                // What it said when it was greeted is not so any more: greeted anew, that is looked at.
                _ = Hold($"it says that it took entry {index} last, and {Row.Index} before");
                return Reception.Refused;
            }

            Adopt(sequence, index);
        }

        if (Receptions.TryNumber(answer, "size", 0, out long size))
            _seen = size;
        return Reception.Aside;
    }

    private void Resume()
    {
        _plan.GiveUp();
        _look = Row.Index + 1;
    }

    private void Take(PendingDelivery delivery, string outcome, AnswerReader answer)
    {
        long index = delivery.Entry.Index;
        _look = index + 1;
        bool isTaken = outcome is RecordedEntry.Accepted or DeliveryEntry.Duplicate;
        DomainRow row = Row with { Sequence = Row.Sequence + 1, Index = index, HasGap = Row.HasGap && !(isTaken && delivery.BringsAll) };
        if (delivery.RootVersion is { } version)
        {
            string? fault = isTaken ? null : Receptions.DescribeRoot(outcome, answer.Reason, version, Receptions.TryNumber(answer, "version", 0, out long has) ? has : null);
            if (fault is null && row.TrustVersion < version)
                _log.TrustRootDelivered(Name, version);
            else if (fault is not null)
                _log.TrustRootRefused(Name, version, fault);
            Show(row with { TrustVersion = isTaken ? Math.Max(version, row.TrustVersion ?? 0) : row.TrustVersion, TrustFault = fault, LastError = row.KeptError });
            return;
        }

        if (isTaken)
        {
            _unfit.ExceptWith(delivery.Keys);
            row = row with { Taken = index, Missed = row.Missed.RemoveRange(delivery.CatchUp is not null ? row.Missed.Keys.Where(key => _rule.CatchesUp(key) && !_unfit.Contains(key)).Concat(delivery.Keys) : delivery.Keys) };
            Show(row with { LastError = row.KeptError });
            return;
        }

        string error = Receptions.Describe(outcome, answer.Reason);
        _log.DeliveryRefused(Name, index, error);
        if (outcome == ErrorCodes.Name(ErrorCode.InvalidPolicy))
            _unfit.UnionWith(delivery.Keys);
        // What was passed over for it is missed with it, where the domain did not even believe it.
        IEnumerable<string> missed = delivery.CatchUp is { } lost && !Receptions.IsOfThePolicy(outcome) ? lost.Before.Members.Select(member => member.Key).Concat(delivery.Keys).Distinct() : delivery.Keys;
        Show(row with { Missed = row.Missed.SetItems(missed.Select(key => KeyValuePair.Create(key, index))), LastError = error });
    }

    /// <summary>Only people can mend it.</summary>
    private bool Hold(string error)
    {
        if (Row.LastError != error)
            _log.DomainHolds(Name, error);
        _isHeld = true;
        Show(Row with { LastError = error });
        return false;
    }

    private void Down(string reason)
    {
        if (!_isDown)
            _log.GatewayDown(Name, reason);
        _isDown = true;
        _checkpoints.Fail(reason);
        Show(Row with { LastError = reason });
    }

    private void Show(DomainRow row) => _shown.Show(row);
}
