namespace Qwamos.ControlBus.Keys;

internal enum KeyFileResult
{
    Refused = 0,
    Absent,
    Read,
}
