using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Brings one domain the trust roots that it has not, though it is said to have taken them or what comes after them: who relays for it kept them back (ATTACKS 7, 14). It takes them late, one by
/// one (docs/formats/delivery.md). Its courier's, on the courier's task.
/// </summary>
/// <param name="domain">Its name.</param>
/// <param name="rule">What concerns it.</param>
/// <param name="feed">The ledger.</param>
/// <param name="history">Which trust roots it holds.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class LateRoots(string domain, DeliveryRule rule, LedgerFeed feed, PolicyHistory history, TimeProvider time, LogMessages log)
{
    /// <summary>Until one that lacks them still is brought them again: each costs qwamosd two questions.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(Limits.CheckpointIdleSeconds);

    private long _had;
    private long? _triedAt;
    private long _logged;
    private string? _loggedFault;

    /// <summary>The newest trust root of a ledger up to an entry; null where there is none.</summary>
    public static LackedRoot? NewestUpTo(RecordedTrust trust, long index)
    {
        int count = trust.Entries.Count(entry => entry <= index);
        return count == 0 ? null : new LackedRoot(count, trust.Entries[count - 1]);
    }

    /// <summary>What is known of the domain once it was brought those that it lacks, up to where it stands.</summary>
    /// <param name="link">To the domain.</param>
    /// <param name="row">
    /// What is known of it. Its signed report says which version it has, where there is one that does; else its answers do, which prove nothing: a version that it has it answers as such.
    /// </param>
    /// <param name="seen">Entries that the domain has seen.</param>
    /// <param name="stop">Ends the courier.</param>
    /// <exception cref="LinkException">The link failed, or qwamosd cannot be asked.</exception>
    public async Task<DomainRow> BringAsync(Link link, DomainRow row, long seen, CancellationToken stop)
    {
        if (row.Index < 0 || row is { TrustFault: null, Report: { TrustVersion: not null, LacksRoot: null } } || (row.Report?.TrustVersion ?? row.TrustVersion) is not { } has)
            return row;
        RecordedTrust trust = (await history.AfterAsync(row.Index, stop).ConfigureAwait(false)).State.Trust;
        long newest = NewestUpTo(trust, Math.Min(row.Index, seen - 1))?.Version ?? 0;
        // It has it, whoever said in its place that it refused it.
        if (row.Report?.TrustVersion >= newest)
            return row with { TrustFault = null };
        // By its own word, unsigned, it lacks one that it was brought and did not refuse: other entries may be missing there, too.
        row = row with { HasGap = row.HasGap || (has < newest && row.Report?.TrustVersion is null && row.TrustFault is null) };
        if (has >= newest || (has <= _had && _triedAt is { } tried && time.GetElapsedTime(tried) < Pause))
            return row;
        (_had, _triedAt) = (has, time.GetTimestamp());
        for (long version = has + 1; version <= newest; version++)
        {
            if (await feed.ReadAsync(trust.Entries[(int)version - 1], stop).ConfigureAwait(false) is not [var entry, ..] || await rule.MatchAsync(feed, entry, stop).ConfigureAwait(false) is not { RootVersion: { } found } root || found != version)
                break;
            AnswerReader answer = await link.AskAsync(await root.RequestAsync(feed, DeliveryOffer.Late, seen, stop).ConfigureAwait(false), stop).ConfigureAwait(false);
            // It has others by now, or is too old to take any late.
            if (answer.Code == ErrorCodes.Name(ErrorCode.BaseMismatch) || answer.Code == ErrorCodes.Name(ErrorCode.BadRequest) || Receptions.IsLater(answer))
                break;
            if (!answer.IsOk)
                return Refused(row, version, Receptions.DescribeRoot(answer.Code ?? "error", answer.Reason, version, Receptions.TryNumber(answer, "version", 0, out long there) ? there : null));
            // Who only says so says it again and again.
            if (version > _logged)
                log.TrustRootDelivered(domain, _logged = version);
            row = row with { TrustVersion = Math.Max(version, row.TrustVersion ?? 0), TrustFault = version == newest ? null : row.TrustFault };
        }
        return row;
    }

    private DomainRow Refused(DomainRow row, long version, string fault)
    {
        if (fault != _loggedFault && fault != row.TrustFault)
            log.TrustRootRefused(domain, version, _loggedFault = fault);
        return row with { TrustFault = fault };
    }
}
