namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>What every daemon's log says of its start; each program gives these events IDs of its own.</summary>
public interface IStartLog
{
    void Confined(string what);

    void DoesNotStart(string reason);
}
