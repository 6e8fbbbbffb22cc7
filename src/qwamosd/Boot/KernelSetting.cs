namespace Qwamos.Daemon.Boot;

/// <summary>One sysctl: its name, its value, why it is set; optional ones do not exist in every kernel.</summary>
internal sealed record KernelSetting(string Name, string Value, string Why, bool IsOptional = false)
{
    /// <summary>The line of sysctl.d(5); a leading `-` lets a kernel without the setting pass silently.</summary>
    public string Line => $"{(IsOptional ? "-" : "")}{Name} = {Value}";
}
