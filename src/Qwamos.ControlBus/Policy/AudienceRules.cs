using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Policy;

/// <summary>Who a message is for (DESIGN section 3, <c>audience</c>; section 5, receivers). Both rules answer <c>wrong_audience</c>.</summary>
public static class AudienceRules
{
    private const int MaxShownChars = 64;
    private const int MaxShownNames = 8;

    /// <summary>
    /// qwamosd: every name is a known domain, of the class of some key in <c>args</c> (a key of class <c>all</c> suits every
    /// domain). A message without policy keys is for whom it names: dom0 must be among them.
    /// </summary>
    /// <param name="schema">Gives the classes of keys.</param>
    /// <param name="domains">Domain to class (<see cref="DaemonConfig.Domains"/>).</param>
    public static AudienceRule ForAuthority(PolicySchema schema, IReadOnlyDictionary<string, string> domains)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(domains);
        return message =>
        {
            // What was taken from a domain that is known no more can still be taken back.
            if (message.DomainKey is { IsRevoked: false } statement && domains.GetValueOrDefault(statement.Name) != statement.Class)
                return Wrong($"no domain {Shown(statement.Name)} of class {Shown(statement.Class)} is known here; {Known(statement.Name, domains)}");
            if (message.Audience is null)
                return null;
            var isChange = message.Command == Commands.SetPolicy;
            foreach (var name in message.Audience)
            {
                if (!domains.TryGetValue(name, out var @class))
                    return Wrong($"the audience names {Shown(name)}, which is not known here; {Known(name, domains)}");
                if (isChange && !NamesKey(schema, message, key => key.Class == @class || key.Class == PolicyKey.ClassAll))
                    return Wrong($"the audience names {name}, and no key of this message is of its class, {@class}");
            }
            return isChange || message.Audience.Contains(DaemonConfig.Dom0, StringComparer.Ordinal)
                ? null
                : Wrong($"the audience does not name {DaemonConfig.Dom0}");
        };
    }

    /// <summary>
    /// A receiver: a list without its own name is for others, and so is a change with no key of its class or <c>all</c>.
    /// </summary>
    public static AudienceRule ForReceiver(PolicySchema schema, string name, string @class)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(@class);
        var scope = DomainScope.Receiver(name, @class);
        return message =>
        {
            if (message.Audience is not null && !message.Audience.Contains(name, StringComparer.Ordinal))
                return Wrong($"the audience names {string.Join(", ", message.Audience.Take(MaxShownNames).Select(Shown))}, not {name}");
            return message.Command != Commands.SetPolicy || NamesKey(schema, message, scope.Includes)
                ? null
                : Wrong($"no key of this message concerns {name}, a domain of class {@class}");
        };
    }

    private static bool NamesKey(PolicySchema schema, Message message, Predicate<PolicyKey> isMeant)
    {
        if (message.Args is null)
            return false;
        foreach (var (name, _) in message.Args.Members)
        {
            if (schema.TryGet(name, out var key) && isMeant(key))
                return true;
        }
        return false;
    }

    /// <summary>The names that would have been known. There may be a thousand, and nobody has signed yet: one is looked for only among those that are shown.</summary>
    private static string Known(string name, IReadOnlyDictionary<string, string> domains)
    {
        int more = domains.Count - MaxShownNames;
        string names = string.Join(", ", domains.Keys.Order(StringComparer.Ordinal).Take(MaxShownNames)) + (more > 0 ? $", and {more} more" : "");
        string meant = more <= 0 && NearestName.Of(name, domains.Keys) is { } near ? $"; did you mean {near}?" : "";
        return $"known are {names} (qwamosd reads domains.json when it starts){meant}";
    }

    // What a sender wrote may be as long as a request.
    private static string Shown(string name) => SafeText.ForTerminal(name.Length <= MaxShownChars ? name : name[..MaxShownChars] + "...");

    private static Refusal Wrong(string reason) => new(ErrorCode.WrongAudience, reason);
}
