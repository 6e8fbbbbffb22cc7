using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// What an applier found when it looked. The zero value says that the value is not there: a forgotten answer is never success.
/// </summary>
/// <param name="Result">One of <see cref="BootResult"/>'s good ones, or null when what is there is not the value.</param>
/// <param name="Detail">One sentence: what is missing, or what is still to be done. May be empty.</param>
internal readonly record struct Observation(string? Result, string Detail)
{
    public static Observation Missing(string detail) => new(null, detail);
}
