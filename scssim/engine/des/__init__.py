"""The discrete-event engine: patients, limited resources and queues on SimPy."""
