using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl trust init</c>: the first version, from the enrolled key: its holder, the others, and who may sign what.</summary>
internal static class TrustInitCommand
{
    /// <summary>From so many holders on two of them together sign what is dangerous: one key may then be lost.</summary>
    private const int HoldersForRecovery = 3;

    private const int Several = 2;
    private const string Operator = "operator";
    private const string Arming = "arming";
    private const string Trigger = "GHOST.trigger";

    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<string> holder = new("--holder") { HelpName = "NAME", Description = $"What you are called in it (default: your user name, or {TrustRoot.FirstHolder} where that is root or no such name)" };
        Option<string[]> add = new("--add") { HelpName = "NAME=FILE", Description = "Another holder, and the file ed25519_pk of their key home; may be repeated" };
        Option<bool> noRecovery = new("--no-recovery") { Description = "Have two holders sign together, though then nothing can be signed once one key is lost" };
        RootOptions options = new();
        Command command = new("init", "Draw up the first trust root from the enrolled key") { holder, add, noRecovery };
        options.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session =>
            Run(session, parse.GetValue(holder) ?? OwnName(), parse.GetValue(add) ?? [], parse.GetValue(noRecovery), parse, options)));
        return command;
    }

    private static int Run(Session session, string name, string[] added, bool insists, ParseResult parse, RootOptions options)
    {
        if (HolderFile.NameFault(name) is { } bad)
            return session.Fail(bad with { Mend = "Choose one with --holder NAME" });
        if (!options.TryRead(parse, out var terms, out var failure) || !session.TryLoadSchema(out var schema, out failure) || !TryReadHolders(session, added, out var others, out failure))
            return session.Fail(failure);
        if (insists && others.Count == 0)
            return session.Fail(Failure.Usage("--no-recovery is for several holders, and these are one", "Name the others with --add NAME=FILE"));
        if (!TrustSource.TryGet(session, out var trust, out failure))
            return session.Fail(failure);
        if (trust.Signed is not null)
            return session.Fail(new Failure(ExitCode.Refused, $"version {trust.Root.Version} of the trust root is in force already", "Look at it: qwamosctl trust show; change it: qwamosctl trust --help"));
        if (!OperatorKey.TryOpenOrCreate(session, advise: false, out var own, out failure, toSign: false))
            return session.Fail(failure);
        using (own)
        {
            if (trust.Root.FindKey(own.Id) is null)
                return session.Fail(new Failure(
                    ExitCode.Refused, $"your key {own.Id} is not the enrolled one, which the first trust root begins with: {trust.Root.Keys[0].Id}", $"Have its holder run this; yours is added by: --add {name}=ed25519_pk of your key home"));
        }
        if (!RootDraft.TryAfter(session, trust, schema, out var draft, out failure))
            return session.Fail(failure);
        List<Holder> holders = [new(name, trust.Root.Keys), .. others];
        draft = draft with
        {
            ExpiresSeconds = session.Now + (terms.LifetimeSeconds ?? RootDraft.DefaultLifetimeSeconds),
            Holders = holders,
            Roles = Roles([.. holders.Select(each => each.Name)], insists, schema),
        };
        if (holders.Count == Several && !insists)
            session.Terminal.Note("Two holders: each signs alone. Both together would sign nothing more once one key is lost; with a third holder two of three can sign what is dangerous.");
        if (name == TrustRoot.FirstHolder)
            session.Terminal.Note($"You are called {name} in it, which is no person's name: choose one with --holder NAME.");
        return RootEnding.Run(session, trust, draft, terms.File, mayAsk: !terms.IsConfirmed);
    }

    private static bool TryReadHolders(Session session, string[] pairs, out List<Holder> holders, out Failure failure)
    {
        (holders, failure) = ([], null!);
        foreach (var pair in pairs)
        {
            if (!HolderFile.TryRead(session, pair, out var holder, out failure))
                return false;
            holders.Add(holder);
        }
        return true;
    }

    /// <summary>Everybody signs everything; two together, where one key may be lost, the next trust root and what arms.</summary>
    private static List<Role> Roles(IReadOnlyList<string> names, bool insists, PolicySchema schema)
    {
        var isGroup = names.Count >= HoldersForRecovery || (insists && names.Count == Several);
        List<Role> roles =
        [
            new(Role.Root, names, isGroup ? Several : 1, [], []),
            new(Operator, names, 1, ["*"], [PolicyGrant.Everything]),
        ];
        if (isGroup && schema.TryGet(Trigger, out var key) && key.Admits(PolicyValue.Of(EventValues.Armed)))
            roles.Add(new(Arming, names, Several, [], [new PolicyGrant(Trigger, [JsonValue.Of(EventValues.Armed)])]));
        return roles;
    }

    /// <summary>The user's name, as far as it can be a holder's; root's is no person's.</summary>
    private static string OwnName()
    {
        var name = new string([.. Environment.UserName.ToLowerInvariant().Select(c => c is '.' or '_' ? '-' : c)]);
        return name == "root" || HolderFile.NameFault(name) is not null ? TrustRoot.FirstHolder : name;
    }
}
