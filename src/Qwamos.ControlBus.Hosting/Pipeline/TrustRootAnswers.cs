using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary><c>get_trust_root</c>: a version of the trust root with its signatures. Who asks verifies them; every other command is another source's.</summary>
public sealed class TrustRootAnswers(LedgerStore ledger, Func<PublishedState> published, IReadSource others) : IReadSource
{
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
            if (ledger.ReadEntry(index) is not TrustRootEntry entry)
                throw new LedgerIntegrityException($"Entry {index} is no trust root.", index);
            members = [.. entry.Root.ToJson().Members.Select(member => (member.Key, member.Value)), ("version", JsonValue.Of(trust.Version)), ("index", JsonValue.Of(index)), ("time", JsonValue.Of(entry.TimeSeconds))];
        }
        catch (IOException e) when (e is LedgerIntegrityException or LedgerBrokenException)
        {
            refusal = new Refusal(ErrorCode.StorageError, e.Message.TrimEnd('.'));
        }
        return members is not null;
    }
}
