namespace Qwamos.Daemon.Boot;

/// <summary>One parameter of the kernel command line, and why it is set.</summary>
internal sealed record KernelParameter(string Text, string Why);
