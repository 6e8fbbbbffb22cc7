using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// `/etc/qwamos/boot-checks.d`: root's own executables that say whether this boot is a good one, run one after the other in the order of their names.
/// One that others could have written is not run, and the boot is not complete (ATTACK 27).
/// </summary>
internal sealed class BootChecks(SystemPaths paths, BootReport report, TimeSpan timeLimit)
{
    private const string SearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int SignalBase = 128;

    /// <summary>Runs all of them, each at most its time; one sentence for each that says no.</summary>
    public IReadOnlyList<string> Faults()
    {
        try
        {
            if (Posix.IsAbsent(paths.BootChecksDir)) return [];
            if (!SafePath.TryCheckTrusted(paths.BootChecksDir, paths, PathRules.TrustedDirectory, out var fault)) return [fault];
            var names = Directory.EnumerateFileSystemEntries(paths.BootChecksDir).Select(path => Path.GetFileName(path)!).Where(IsCheck).Order(StringComparer.Ordinal).ToList();
            return names.Count > Limits.MaxBootChecks
                ? [$"{paths.BootChecksDir} has {names.Count} checks, more than {Limits.MaxBootChecks}: none is run"]
                : [.. names.Select(Fault).OfType<string>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [$"{paths.BootChecksDir} cannot be read: {e.Message}"];
        }
    }

    /// <summary>As for run-parts: what editors and package managers leave beside a file is none.</summary>
    private bool IsCheck(string name)
    {
        if (name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')) return true;
        report.Warn($"{Path.Combine(paths.BootChecksDir, name)} is no check, and not run: its name has another character than letters, digits, _ and -");
        return false;
    }

    private string? Fault(string name)
    {
        var path = Path.Combine(paths.BootChecksDir, name);
        var stat = Posix.Stat(path);
        if (stat.Kind == FileKind.Regular && (stat.Mode & UnixFileMode.UserExecute) == 0)
        {
            report.Warn($"{path} is no check, and not run: it is not executable");
            return null;
        }
        var fault = SafePath.TryCheckTrusted(path, paths, PathRules.TrustedExecutable, out var distrust) ? Run(path) : $"it is not run, for {distrust}";
        return fault is null ? null : $"check {name}: {fault}";
    }

    private string? Run(string path)
    {
        // What it prints goes where this program's own lines go.
        ProcessStartInfo start = new(path) { WorkingDirectory = "/", RedirectStandardInput = true };
        start.Environment.Clear();
        start.Environment["PATH"] = SearchPath;
        try
        {
            using var check = Process.Start(start)!;
            check.StandardInput.Close();
            if (!check.WaitForExit(timeLimit))
            {
                check.Kill(entireProcessTree: true);
                check.WaitForExit();
                return string.Create(CultureInfo.InvariantCulture, $"still running after {timeLimit.TotalSeconds} s, killed");
            }
            return check.ExitCode switch
            {
                0 => null,
                > SignalBase => $"ended by signal {check.ExitCode - SignalBase}",
                var code => $"exit code {code}",
            };
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            return $"it cannot be run: {e.Message}";
        }
    }
}
