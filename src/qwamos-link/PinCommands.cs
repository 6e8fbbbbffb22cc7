using System.CommandLine;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary><c>qwamos-link pin</c> and <c>unpin</c>: whose keys are believed. Nothing is restarted: the next connection is judged by it, and those that are open within a second or two.</summary>
internal static class PinCommands
{
    private const string NameHelp = "The peer: in Dom0 the domain's name, in a VM dom0.";

    public static Command CreatePin()
    {
        Argument<string> name = new("NAME") { Description = NameHelp };
        Argument<string> fingerprint = new("HEX") { Description = "What `qwamos-link fingerprint` prints there: 64 lower-case hex digits." };
        var command = new Command("pin", "Believe the peer NAME by this key, too.") { name, fingerprint };
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            (string peer, string hex) = (parsed.GetRequiredValue(name), parsed.GetRequiredValue(fingerprint));
            if (Fault(peer, hex) is { } fault)
                return fault;
            Console.Out.WriteLine(new Pins(paths).Add(peer, hex) ? $"{peer} is believed by {hex}." : "This key was pinned before; it stays.");
            return null;
        });
        return command;
    }

    public static Command CreateUnpin()
    {
        Argument<string> name = new("NAME") { Description = NameHelp };
        Argument<string?> fingerprint = new("HEX") { Description = "The one key that is believed no more; without it all of the peer's.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("unpin", "Believe the peer NAME by this key, or at all, no more.") { name, fingerprint };
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            (string peer, string? hex) = (parsed.GetRequiredValue(name), parsed.GetValue(fingerprint));
            if (Fault(peer, hex) is { } fault)
                return fault;
            if (!new Pins(paths).Remove(peer, hex))
                return hex is null ? $"no key is pinned for {peer}" : $"this key is not pinned for {peer}";
            Console.Out.WriteLine(hex is null ? $"{peer} is believed no more." : $"{peer} is believed by {hex} no more.");
            return null;
        });
        return command;
    }

    private static string? Fault(string peer, string? hex) =>
        !PolicyNames.IsDomain(peer) ? "NAME is a domain's name: letters, digits and _ . -, a letter or digit first"
        : hex is not null && !Pins.IsFingerprint(hex) ? "HEX is 64 lower-case hex digits"
        : null;
}
