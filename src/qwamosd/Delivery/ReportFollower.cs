using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Follows what one domain says of its keys (docs/formats/reports.md), on the link that deliveries go by, while nothing is to be delivered. Nothing of it counts that the
/// domain's enrolled key did not sign; what a hostile domain says fills its own row, and has no more recorded than there are changes for it.
/// </summary>
internal sealed class ReportFollower(GatewayEntry domain, DeliveryRule rule, PolicyHistory history, string systemId, EnrolledDomains enrolled, ReportSender sender, ReportRow? remembered, TimeProvider time)
{
    private const int MaxStatements = 16;

    /// <summary>Least time between two questions: a domain that always has something new is asked no faster.</summary>
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Least time until the same, heard again, is shown as heard anew; less than an honest domain waits with its answer.</summary>
    private const long HeardSeconds = Limits.MaxGrowthWaitSeconds / 2;

    private static readonly TimeSpan LostPause = TimeSpan.FromSeconds(1);

    /// <summary>After an answer that is none.</summary>
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(10);

    private Link? _link;
    private AnswerReader? _arrived;
    private Nonce _nonce;
    private long _number;
    private long _confirmed = -1;
    private bool _isOlder;
    private DomainRow _asked = new();
    private DomainRow _taken = new();
    private DomainRow? _complete;
    private DomainReport? _report;
    private long _heard;
    private EnrolledDomain? _judgedBy;
    private bool _isCutShort;
    private string _signature = "";
    private IReadOnlyList<InForceStatement> _statements = [];

    /// <summary>The row has changed.</summary>
    public event Action? Changed;

    /// <summary>Where the domain stood, by what is known, when it made a report that lacks nothing of what leads there; null before the first of them.</summary>
    public DomainRow? Complete => Volatile.Read(ref _complete);

    /// <summary>What is shown; null before the first answer.</summary>
    public ReportRow? Row { get; private set; } = remembered;

    /// <summary>Until the rest ends, or false when the link is lost.</summary>
    /// <param name="link">The domain's; null where there is none.</param>
    /// <param name="row">What the domain has taken, as far as is known; that does not change before the rest ends.</param>
    /// <param name="rest">Ends when something is to be delivered: the answer that is owed then comes before those of the deliveries.</param>
    /// <param name="stop">Ends the courier.</param>
    public async Task<bool> FollowAsync(Link? link, DomainRow row, CancellationToken rest, CancellationToken stop)
    {
        try
        {
            if (link is not null)
            {
                Begin(link);
                // What was known at the last stop is judged by the keys of now.
                await enrolled.FirstAnswer.WaitAsync(rest).ConfigureAwait(false);
                while (!_isOlder)
                    await RoundAsync(link, row, rest, stop).ConfigureAwait(false);
            }
            await Task.Delay(Timeout.InfiniteTimeSpan, time, rest).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (LinkException)
        {
            // Opened anew, it says what is the matter; but not at once, again and again.
            await Task.Delay(LostPause, time, rest).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }
        catch (Exception e)
        {
            // Whatever its answer brings about is its own row's.
            _ = Refuse($"its report cannot be judged: {e.GetType().Name}: {e.Message}");
            await Task.Delay(LongPause, time, rest).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }
    }

    private void Begin(Link link)
    {
        if (_link == link)
            return;
        (_link, _arrived, _number, _confirmed, _isOlder) = (link, null, 0, -1, false);
    }

    private async Task RoundAsync(Link link, DomainRow row, CancellationToken rest, CancellationToken stop)
    {
        if (_arrived is null && !link.IsOwed)
        {
            (_nonce, _asked) = (Nonce.Random(), row);
            await link.BeginAsync(Question(), answer => _arrived = answer, stop).ConfigureAwait(false);
        }
        Task changed = enrolled.Changed;
        // Somebody may have been enrolled, or revoked, meanwhile; or something was to be delivered before all was looked at.
        if (_report is not null && (_isCutShort || enrolled.Find(domain.Name) != _judgedBy))
            await JudgeAsync(rest).ConfigureAwait(false);
        await TakeOwedAsync(link, changed, rest).ConfigureAwait(false);
        if (_arrived is not { } arrived)
            return;
        _arrived = null;
        changed = enrolled.Changed;
        if (TryTake(arrived) && await JudgeAsync(rest).ConfigureAwait(false))
            await Task.Delay(LeastPause, time, rest).ConfigureAwait(false);
        else
            await Task.WhenAny(Task.Delay(LongPause, time, rest), changed).ConfigureAwait(false);
        rest.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Waits for the answer, or until something else has completed: the answer stays owed then. When this returns or throws, nobody reads from the link any more, so that the
    /// deliveries that follow are the only ones.
    /// </summary>
    private static async Task TakeOwedAsync(Link link, Task other, CancellationToken rest)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(rest);
        Task owed = link.TakeOwedAsync(Limits.MaxGrowthWaitSeconds, over.Token);
        await Task.WhenAny(owed, other).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        try
        {
            await owed.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!rest.IsCancellationRequested)
        {
            // The other was first.
        }
    }

    /// <summary>A domain that has taken something since answers at once, also one that has not: then its report says so.</summary>
    private byte[] Question() =>
        Encoding.ASCII.GetBytes($$$"""{"msg":{"args":{{{JsonText.ToText(new ReportQuestion((_asked.Sequence, _asked.Index) == (_taken.Sequence, _taken.Index) ? _number : 0, Limits.MaxGrowthWaitSeconds, _confirmed, _nonce).ToJson())}}},"command":"{{{Commands.GetReport}}}"}}""");

    /// <summary>Reads what came, of which nothing is believed yet.</summary>
    private bool TryTake(AnswerReader answer)
    {
        _report = null;
        _isOlder = answer.Code == ErrorCodes.Name(ErrorCode.UnknownCommand);
        if (_isOlder)
            return Refuse("an older gateway-policyd, which reports nothing");
        if (!answer.IsOk)
            return Refuse(Receptions.Describe(answer));
        string fault = "";
        if (!answer.Document.TryGet("report", out JsonValue? json) || !DomainReport.TryRead(json, out DomainReport? report, out fault!)
            || !answer.Document.TryGet("signature", out JsonValue? signature) || !signature.TryGetString(out string? signed)
            || !answer.Document.TryGet("in_force", out JsonValue? list) || list.Kind != JsonKind.Array || list.Items.Length > MaxStatements)
            return Refuse($"its report cannot be read: {fault}");
        if (report.Domain != domain.Name || report.Class != domain.Class || report.SystemId != systemId)
            return Refuse($"its report is that of {SafeName(report.Domain)} of class {SafeName(report.Class)}, or of another system");
        if (report.Nonce != _nonce)
            return Refuse("its report is an older one");
        var statements = new List<InForceStatement>();
        foreach (JsonValue item in list.Items)
        {
            if (!InForceStatement.TryRead(item, out InForceStatement? statement, out fault!))
                return Refuse($"what it says to be in force cannot be read: {fault}");
            if (statement.Domain != domain.Name)
                return Refuse($"it speaks for another domain, {SafeName(statement.Domain)}");
            statements.Add(statement);
        }
        (_report, _heard, _signature, _statements, _number, _taken) = (report, Now, signed, statements, report.Number, _asked);
        return true;
    }

    /// <summary>By the key that is enrolled now.</summary>
    private async Task<bool> JudgeAsync(CancellationToken rest)
    {
        if (_report is not { } report)
            return false;
        EnrolledDomain known = enrolled.Find(domain.Name);
        // What was confirmed is another key's, or was said before it was revoked.
        if (_judgedBy is { } before && before.Key?.Id != known.Key?.Id)
            _confirmed = -1;
        (_judgedBy, _isCutShort) = (known, false);
        if (known.Key is not { } key)
        {
            return Refuse($"{known.WhyNot}: {domain.EnrolCommand}");
        }
        if (!report.IsSignedBy(key, _signature))
            return Refuse($"its report is not signed by the key that is enrolled for it: if it was made anew, {domain.EnrolCommand}");
        _isCutShort = true;
        Lacking? lacking = await LackingAsync(report, rest).ConfigureAwait(false);
        _isCutShort = false;
        if (lacking is { IsNothing: true })
            Volatile.Write(ref _complete, _taken);
        // What was found stands until qwamosd can be asked again.
        lacking ??= new Lacking(Row?.Lacks ?? new Dictionary<string, LackedKey>(), Row?.LacksRoot, IsAllKnown: false);
        // Judged again, it is as old as it was: who keeps newer ones back is not helped by a ledger that grows.
        string? refused = Row?.SignedBy == key.Id.ToString() ? Row.Refused : null;
        Show(ReportRow.Of(_heard, report.Keys.Where(pair => rule.Concerns(pair.Key)), report.IsStale, key.Id.ToString(), lacking, report.TrustVersion) with { Refused = refused });
        return await TellAsync(rest).ConfigureAwait(false);
    }

    /// <summary>
    /// What the report should have, and has not: the newest change of each key, of those that the domain is said to have taken before it was asked, but for what it refused, which is
    /// shown as that; and the newest trust root. That it took one is nobody's word; the report is the domain's. Null when qwamosd cannot be asked now.
    /// </summary>
    private async Task<Lacking?> LackingAsync(DomainReport report, CancellationToken rest)
    {
        try
        {
            PastPolicy policy = await history.AfterAsync(_taken.Index, rest).ConfigureAwait(false);
            LackedRoot? newest = LateRoots.NewestUpTo(policy.State.Trust, _taken.Index);
            Dictionary<string, LackedKey> keys = policy.ToldTo(domain.Name)
                .Where(told => told.Value.Index <= _taken.Index && rule.Concerns(told.Key) && _taken.Missed.GetValueOrDefault(told.Key, -1) < told.Value.Index
                    && !rule.Has(report.Keys.GetValueOrDefault(told.Key), told.Key, told.Value))
                .ToDictionary(told => told.Key, told => new LackedKey(told.Value.Index, rule.Shown(told.Key, told.Value.Value)), StringComparer.Ordinal);
            return new Lacking(keys, report.TrustVersion < newest?.Version ? newest : null, IsAllKnown: newest is null || report.TrustVersion is not null);
        }
        catch (LinkException)
        {
            // The feed says so.
            return null;
        }
    }

    /// <summary>qwamosd verifies it for itself. What it has already is told again after a new link, and is no news.</summary>
    private async Task<bool> TellAsync(CancellationToken rest)
    {
        int unproven = 0;
        foreach (InForceStatement statement in _statements.Where(statement => statement.Entry.Index > _confirmed).OrderBy(statement => statement.Entry.Index))
        {
            AnswerReader answer;
            try
            {
                answer = await sender.TellAsync(statement, rest).ConfigureAwait(false);
            }
            catch (LinkException)
            {
                return false;
            }
            // It took the change from a ledger that was given up since: that is nobody's fault, and what comes after it counts. Or it lies: then it is asked no faster than who is not believed.
            bool isUnproven = answer.Code == ErrorCodes.Name(ErrorCode.Unproven);
            if (!answer.IsOk && !isUnproven && answer.Code != ErrorCodes.Name(ErrorCode.Superseded))
            {
                // Its report is another word than this, and holds.
                Show(Row! with { Refused = CodePoints.Take($"what it says of entry {statement.Entry.Index} is refused: {Receptions.Describe(answer)}", DomainRow.MaxErrorCodePoints) });
                return false;
            }
            // A full list of them is not to hide all others.
            if (!isUnproven || ++unproven == MaxStatements)
                _confirmed = statement.Entry.Index;
        }
        if (Row is { Refused: not null })
            Show(Row with { Refused = null });
        return unproven == 0;
    }

    private bool Refuse(string fault)
    {
        // Of a key that is believed no more nothing stands.
        Show(Row is { } before && before.SignedBy == enrolled.Find(domain.Name).Key?.Id.ToString() ? before.Spoiled(Now, fault) : ReportRow.Of(Now, fault));
        return false;
    }

    /// <summary>
    /// That the same was heard again is news only now and then: a domain does not have it written as often as it likes to talk. Heard before the last time, by a clock that was set
    /// back, it is news: else it would look fresh for as long.
    /// </summary>
    private void Show(ReportRow row)
    {
        if (Row is { } before && row.HeardSeconds - before.HeardSeconds is >= 0 and < HeardSeconds && (row with { HeardSeconds = before.HeardSeconds }).ToJson().Equals(before.ToJson()))
            return;
        Row = row;
        Changed?.Invoke();
    }

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    private static string SafeName(string name) => ControlBus.Files.SafeText.ForTerminal(name);
}
