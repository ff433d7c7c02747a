/** Addresses of this machine, as a socket names its other end. */
const LOOPBACK = /^(?:::1|(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

export const isLoopback = (address: string): boolean => LOOPBACK.test(address);
