using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Linking;

/// <summary><c>qwamos-link fingerprint</c>: what the other side has to pin, alone on one line.</summary>
internal static class FingerprintCommand
{
    public static Command Create()
    {
        var command = new Command("fingerprint", "Print this machine's own fingerprint, which the other side pins, alone on one line.");
        RootCommandAction.Set(command, (_, paths) => Print(paths));
        return command;
    }

    private static string? Print(SystemPaths paths)
    {
        // The key is the account's own, and root reads it as that account.
        using ActingAs? account = Posix.IsAbsent(paths.LinkStateDir) ? null : ActingAs.OwnerOf(Posix.Stat(paths.LinkStateDir));
        if (!LinkKey.TryOpen(paths, mayCreate: false, TimeProvider.System, out LinkKey? key, out string? fault))
            return fault;
        using (key)
            Console.Out.WriteLine(key.Fingerprint);
        return null;
    }
}
