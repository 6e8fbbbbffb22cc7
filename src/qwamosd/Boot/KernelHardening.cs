using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// KERNEL_HARDENING: a sysctl drop-in, loaded by systemd-sysctl right after this, and a fragment of GRUB's command line, which
/// takes effect when update-grub has run and the machine has booted once more.
/// </summary>
internal sealed class KernelHardening(SystemPaths paths) : IApplier
{
    public const string SysctlPath = "/etc/sysctl.d/60-qwamos.conf";
    public const string GrubPath = "/etc/default/grub.d/60-qwamos.cfg";

    private const string SettingsPath = "/proc/sys";
    private const int MaxSettingBytes = 4_096;
    private const int MaxNamedSettings = 3;

    private readonly ConfigurationFile sysctl = new(paths, SysctlPath);
    private readonly ConfigurationFile grub = new(paths, GrubPath);

    public string Key => "KERNEL_HARDENING";

    public string? Check(PolicyValue value) =>
        KernelHardeningLevel.Named(value.ToLine()) is null ? "this build knows no such level" : sysctl.Fault() ?? grub.Fault();

    public string Expect(PolicyValue value) => KernelHardeningLevel.Named(value.ToLine()) is { } level && CommandLineAgrees(level) ? BootResult.InForce : BootResult.InForceAfterReboot;

    public void Apply(PolicyValue value)
    {
        var level = Level(value);
        sysctl.Write(SysctlContent(level));
        grub.Write(GrubContent(level));
    }

    public Observation Observe(PolicyValue value)
    {
        var level = Level(value);
        if (sysctl.Read() != SysctlContent(level)) return Observation.Missing($"{SysctlPath} is not what was written");
        if (grub.Read() != GrubContent(level)) return Observation.Missing($"{GrubPath} is not what was written");
        var result = Expect(value);
        return new Observation(result, result == BootResult.InForce ? "" : "the kernel command line changes at the boot after `update-grub`");
    }

    /// <summary>By now systemd-sysctl has loaded the settings, and another file may have set one otherwise after it.</summary>
    public Observation ObserveRunning(PolicyValue value)
    {
        var observed = Observe(value);
        var level = Level(value);
        if (observed.Result is null || Posix.IsAbsent(paths.At(SettingsPath))) return observed;
        var others = level.Settings.Select(Difference).OfType<string>().ToList();
        return others.Count == 0
            ? observed
            : Observation.Missing($"{others.Count} of {level.Settings.Count} kernel settings are otherwise: {string.Join(", ", others.Take(MaxNamedSettings))}{(others.Count > MaxNamedSettings ? ", ..." : "")}");
    }

    public void Undo()
    {
        try
        {
            grub.PutBack();
        }
        finally
        {
            sysctl.PutBack();
        }
    }

    internal static string SysctlContent(KernelHardeningLevel level)
    {
        var text = Heading(level);
        foreach (var setting in level.Settings) text.Append($"# {setting.Why}\n{setting.Line}\n");
        return text.ToString();
    }

    internal static string GrubContent(KernelHardeningLevel level)
    {
        var text = Heading(level).Append("# Takes effect at the boot after `update-grub`.\n");
        foreach (var parameter in level.Parameters) text.Append($"# {parameter.Text}: {parameter.Why}\n");
        // GRUB_CMDLINE_LINUX, not _DEFAULT: a recovery entry without the hardening would be the way around it.
        if (level.Parameters.Count > 0)
            text.Append($"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {string.Join(' ', level.Parameters.Select(p => p.Text))}\"\n");
        return text.ToString();
    }

    private static StringBuilder Heading(KernelHardeningLevel level) =>
        new($"# KERNEL_HARDENING={level.Name}, written by `qwamosd apply-pending`; an edit is lost when the policy changes.\n"
            + "# Reasons and prices: docs/guide/boot.md\n");

    /// <summary>True when the running kernel was started with this level's parameters and with none of another level's.</summary>
    private bool CommandLineAgrees(KernelHardeningLevel level)
    {
        var running = KernelCommandLine.Words(paths).ToHashSet(StringComparer.Ordinal);
        var wanted = level.Parameters.Select(p => p.Text).ToHashSet(StringComparer.Ordinal);
        return KernelHardeningLevel.All.SelectMany(l => l.Parameters).All(p => running.Contains(p.Text) == wanted.Contains(p.Text));
    }

    /// <summary>What the running kernel has instead; null when it has the setting, or has no such optional one.</summary>
    private string? Difference(KernelSetting setting)
    {
        var path = paths.At($"{SettingsPath}/{setting.Name.Replace('.', '/')}");
        if (Posix.IsAbsent(path)) return setting.IsOptional ? null : $"{setting.Name} is not there";
        try
        {
            var found = Encoding.UTF8.GetString(DurableFile.ReadAllBounded(path, MaxSettingBytes)).TrimEnd('\n');
            return found == setting.Value ? null : $"{setting.Name} is {found}, not {setting.Value}";
        }
        catch (IOException e)
        {
            return $"{setting.Name} cannot be read: {e.Message}";
        }
    }

    private static KernelHardeningLevel Level(PolicyValue value) =>
        KernelHardeningLevel.Named(value.ToLine()) ?? throw new InvalidOperationException("Check comes before Apply and Observe");
}
