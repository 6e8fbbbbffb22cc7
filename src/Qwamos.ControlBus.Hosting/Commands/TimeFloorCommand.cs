using System.CommandLine;
using System.Globalization;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>`set-time-floor T`: mends a system that once accepted a message from the future (DESIGN section 3, ATTACK 12).</summary>
public static class TimeFloorCommand
{
    /// <param name="lower">Lowers the floor, durably, to unix seconds; gives why it did not, or null.</param>
    /// <param name="done">One sentence for the person: when it takes effect.</param>
    public static Command Create(Func<SystemPaths, long, string?> lower, Func<SystemPaths, string> done)
    {
        Argument<string> time = new("T") { Description = "Unix seconds: the newest time that a true clock can have shown." };
        var command = new Command("set-time-floor", "Lower the time floor, and each key's last timestamp above it, to T.") { time };
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            if (!long.TryParse(parsed.GetRequiredValue(time), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > Limits.MaxSafeInteger)
                return "T is a time in whole unix seconds, such as that of `date +%s`";
            if (lower(paths, seconds) is { } fault) return fault;
            Console.Out.WriteLine(done(paths));
            return null;
        });
        return command;
    }
}
