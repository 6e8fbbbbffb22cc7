using System.ComponentModel;
using System.Diagnostics;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Checking;

/// <summary>The units, as systemd knows them. Nothing of them is asked in a trial, or where systemd does not run.</summary>
internal static class UnitChecks
{
    private const string Running = "/run/systemd/system";
    private const int PatienceMilliseconds = 5_000;

    /// <summary>Each runs once in a boot, at its place: started by hand it would do that in a boot that went on without it.</summary>
    private static readonly string[] OnceABoot = ["qwamos-policy-apply.service", "qwamos-boot-complete.service"];

    private static readonly string[] Units = ["qwamosd.socket", "qwamosd.service", "qwamosd-courier.service", "qwamos-policy-apply.service", "qwamos-boot-complete.service", "qwamos-backup.timer"];

    public static IEnumerable<Finding> Run(Session session)
    {
        if (session.Paths.IsTrial)
            return [Finding.NotSeen("units", "a trial has none")];
        if (!Directory.Exists(Running))
            return [Finding.NotSeen("units", "systemd does not run here: whatever starts qwamosd must run `qwamosd apply-pending` as root at boot, before it")];
        return TryAsk(out var answer, out var fault) ? Units.Select(unit => Judge(unit, PropertiesOf(unit, answer))) : [Finding.NotSeen("units", fault)];
    }

    private static bool TryAsk(out string answer, out string fault)
    {
        (answer, fault) = ("", "");
        ProcessStartInfo start = new("systemctl") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var word in (string[])["show", "--property=Id,LoadState,ActiveState,UnitFileState,Result", .. Units])
            start.ArgumentList.Add(word);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(PatienceMilliseconds))
            {
                process.Kill();
                fault = "systemctl does not answer";
                return false;
            }
            answer = output.Result;
            fault = $"systemctl failed with exit status {process.ExitCode}";
            return process.ExitCode == 0;
        }
        catch (Win32Exception e)
        {
            fault = $"systemctl cannot be run: {e.Message}";
            return false;
        }
    }

    /// <summary>systemctl gives a block a unit, with an empty line between them.</summary>
    private static Dictionary<string, string> PropertiesOf(string unit, string answer)
    {
        foreach (var block in answer.Split("\n\n"))
        {
            var properties = block.Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).DistinctBy(pair => pair[0])
                .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
            if (properties.GetValueOrDefault("Id") == unit)
                return properties;
        }
        return [];
    }

    internal static Finding Judge(string unit, Dictionary<string, string> properties)
    {
        var state = properties.GetValueOrDefault("ActiveState");
        var enabled = properties.GetValueOrDefault("UnitFileState");
        if (properties.GetValueOrDefault("LoadState") != "loaded")
            return Finding.Bad(unit, "is not installed, or its file cannot be read", $"install the package; systemctl status {unit}");
        if (state == "failed")
            return Finding.Bad(unit, $"has failed: {SafeText.ForTerminal(properties.GetValueOrDefault("Result") ?? "")}", $"journalctl -u {unit}; then: sudo systemctl restart {unit}");
        if (enabled is not ("enabled" or "static" or "indirect"))
            return Finding.Bad(unit, $"does not start at boot: it is {SafeText.ForTerminal(enabled ?? "unknown")}", $"sudo systemctl enable {(OnceABoot.Contains(unit) ? "" : "--now ")}{unit}");
        if (state == "inactive" && OnceABoot.Contains(unit))
            return Finding.NotSeen(unit, $"enabled, and has not run in this boot: so it is until the first reboot after an installation; later see journalctl -b -u {unit}");
        return state == "active"
            ? Finding.Good(unit, "enabled, active")
            : Finding.Doubtful(unit, $"enabled, and {SafeText.ForTerminal(state ?? "unknown")} now", $"sudo systemctl start {unit}");
    }
}
