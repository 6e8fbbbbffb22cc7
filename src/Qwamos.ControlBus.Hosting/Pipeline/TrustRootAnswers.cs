using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// <c>get_trust_root</c>: a version of the trust root with its signatures. Who asks verifies them; every other command is another source's. Anybody may ask, as often as they like: the
/// newest version and the other one asked for last are kept as they were read, for an entry never changes.
/// </summary>
public sealed class TrustRootAnswers(LedgerStore ledger, Func<PublishedState> published, IReadSource others) : IReadSource
{
    private volatile Kept? _newest;
    private volatile Kept? _other;

    public bool Serves(string command) => command == Envelopes.Commands.GetTrustRoot || others.Serves(command);

    public bool TryRead(
        Message message,
        [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members,
        [NotNullWhen(false)] out Refusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.Command != Envelopes.Commands.GetTrustRoot)
            return others.TryRead(message, out members, out refusal);
        RecordedTrust trust = published().Policy.Trust;
        long version = message.Args is { } args && args.TryGet("version", out JsonValue? asked) && asked.TryGetInteger(out long number) ? number : trust.Version;
        members = null;
        refusal = version < 1 || version > trust.Version
            ? new Refusal(ErrorCode.BadRequest, trust.Version == 0 ? "there is no trust root here: the enrolled key alone signs" : $"there is no trust root of version {version}: they are 1 to {trust.Version}")
            : null;
        if (refusal is not null)
            return false;
        long index = trust.Entries[(int)version - 1];
        try
        {
            Kept kept = Find(index, isNewest: version == trust.Version);
            members = [.. kept.Root.Members.Select(member => (member.Key, member.Value)), ("version", JsonValue.Of(trust.Version)), ("index", JsonValue.Of(index)), ("time", JsonValue.Of(kept.TimeSeconds))];
        }
        catch (IOException e) when (e is LedgerIntegrityException or LedgerBrokenException)
        {
            refusal = new Refusal(ErrorCode.StorageError, e.Message.TrimEnd('.'));
        }
        return members is not null;
    }

    private Kept Find(long index, bool isNewest)
    {
        if ((isNewest ? _newest : _other) is { } known && known.Index == index)
            return known;
        if (ledger.ReadEntry(index) is not TrustRootEntry entry)
            throw new LedgerIntegrityException($"Entry {index} is no trust root.", index);
        var read = new Kept(index, entry.TimeSeconds, entry.Root.ToJson());
        return isNewest ? _newest = read : _other = read;
    }

    private sealed record Kept(long Index, long TimeSeconds, JsonValue Root);
}
