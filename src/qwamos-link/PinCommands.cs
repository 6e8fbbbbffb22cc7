using System.CommandLine;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Linking;

/// <summary><c>qwamos-link pin</c> and <c>unpin</c>: by which keys a VM believes Dom0. Nothing is restarted: the next connection is judged by it, and those that are open within a second or two.</summary>
internal static class PinCommands
{
    private const string NoFingerprint = "HEX is 64 lower-case hex digits, as qwamos-link fingerprint prints them in Dom0";

    public static Command CreatePin()
    {
        Argument<string> fingerprint = new("HEX") { Description = "What `qwamos-link fingerprint` prints in Dom0: 64 lower-case hex digits." };
        var command = new Command("pin", "In a VM: believe Dom0 by this key, too.") { fingerprint };
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            string hex = parsed.GetRequiredValue(fingerprint);
            if (!Pins.IsFingerprint(hex))
                return NoFingerprint;
            Console.Out.WriteLine(new Pins(paths).Add(hex) ? $"Dom0 is believed by {hex}." : "This key was pinned before; it stays.");
            return null;
        });
        return command;
    }

    public static Command CreateUnpin()
    {
        Argument<string?> fingerprint = new("HEX") { Description = "The one key that is believed no more; without it all of them.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("unpin", "In a VM: believe Dom0 by this key, or at all, no more.") { fingerprint };
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            string? hex = parsed.GetValue(fingerprint);
            if (hex is not null && !Pins.IsFingerprint(hex))
                return NoFingerprint;
            if (!new Pins(paths).Remove(hex))
                return hex is null ? "no key is pinned" : "this key is not pinned";
            Console.Out.WriteLine(hex is null ? "Dom0 is believed no more." : $"Dom0 is believed by {hex} no more.");
            return null;
        });
        return command;
    }
}
